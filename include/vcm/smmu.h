/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The look-up of devices by name, as in the posting. It finds every device that the broker knows: the contexts of its SMMUs,
 * bus masters without one, and "cpu", which always exists. Never part of a batch.
 *
 *	size_t dev_id = (size_t)smmu_get_ctx_instance("vcodec_a_stream");
 */
#ifndef VCM_SMMU_H
#define VCM_SMMU_H

#ifdef __cplusplus
extern "C" {
#endif

struct smmu_dev;

/*
 * The device of that name; cast to size_t it is the dev_id that <vcm/vcm.h> asks for. The same name gives the same value.
 * NULL with errno: ENODEV there is no such device, EINVAL the name is NULL, empty or too long, ENOTCONN.
 */
struct smmu_dev *smmu_get_ctx_instance(char *ctx_name);

/*
 * Ends one smmu_get_ctx_instance(). Associations and hooks of the device stay.
 * 0; -EINVAL when it was not got, or was freed as often as it was got; -ENOTCONN.
 */
int smmu_free_ctx_instance(struct smmu_dev *dev);

/* The bus address of the device's registers. 0 with errno on error; 0 with errno 0 for a device that has none. */
unsigned long smmu_get_base_addr(struct smmu_dev *dev);

#ifdef __cplusplus
}
#endif
#endif
