// SPDX-License-Identifier: BSD-3-Clause
/* Virtual contexts: their life, the bank they get, and the table of their own that the posting's smmu_map() fills. */
#include "backend/smmu/context.h"

#include <errno.h>
#include <vcm/attr.h>

#include "backend/smmu/registers.h"
#include "base/mem.h"

/* --- life --------------------------------------------------------------------------------------------------------- */

struct smmu_dev *smmu_ctx_init(int ctx)
{
	struct smmu_dev *dev;

	if (ctx < 0 || ctx >= SMMU_MIDS_MAX)
		return NULL;
	dev = mem_new0(struct smmu_dev);
	if (dev)
		dev->mid = (unsigned int)ctx;
	return dev;
}

int smmu_ctx_deinit(struct smmu_dev *dev)
{
	if (!dev)
		return -EINVAL;
	if (dev->bank || dev->n_instances)
		return -EBUSY;
	if (dev->updating)
		v7s_ops.update_done(dev->own);
	if (dev->own)
		v7s_ops.free(dev->own);
	if (dev->drv)
		LIST_REMOVE(dev, link);
	mem_free(dev->name);
	mem_free(dev);
	return 0;
}

struct smmu_dev *smmu_ctx_by_mid(struct smmu_driver *drv, unsigned int mid)
{
	struct smmu_dev *dev;

	LIST_FOREACH(dev, &drv->devs, link) {
		if (dev->mid == mid)
			return dev;
	}
	return NULL;
}

int smmu_ctx_bind(struct smmu_dev *ctx, struct smmu_driver *drv)
{
	if (!ctx || !drv || !drv->banks || ctx->mid >= drv->n_mids)
		return -EINVAL;
	if (ctx->drv || smmu_ctx_by_mid(drv, ctx->mid))
		return -EBUSY;
	ctx->drv = drv;
	LIST_INSERT_HEAD(&drv->devs, ctx, link);
	return 0;
}

int smmu_ctx_set_name(struct smmu_dev *dev, const char *name)
{
	char *copy = mem_strdup(name);

	if (!copy)
		return -ENOMEM;
	mem_free(dev->name);
	dev->name = copy;
	return 0;
}

const char *smmu_ctx_name(const struct smmu_dev *dev)
{
	return dev->name ? dev->name : "(unnamed)";
}

unsigned int smmu_ctx_mid(const struct smmu_dev *dev)
{
	return dev->mid;
}

/* --- activation --------------------------------------------------------------------------------------------------- */

static const char *half_name(enum half half)
{
	return half == HALF_LOW ? "low" : "high";
}

static struct smmu_bank *parking_of(const struct smmu_dev *dev)
{
	return &dev->drv->banks[dev->drv->n_banks];
}

static struct smmu_bank *free_bank(const struct smmu_driver *drv)
{
	for (unsigned int i = 0; i < drv->n_banks; i++) {
		if (!drv->banks[i].dev)
			return &drv->banks[i];
	}
	return NULL;
}

static int check_split(const struct smmu_dev *dev, enum half half, unsigned int split,
		       struct reason *why)
{
	if (split > TTBCR_N_MASK)
		return refuse(why, -EINVAL, "%s: split %u is above %u", smmu_ctx_name(dev), split,
			      TTBCR_N_MASK);
	if (half == HALF_HIGH && !split)
		return refuse(why, -EINVAL, "%s: the high base needs a split", smmu_ctx_name(dev));
	if (dev->bank && dev->bank->tables.split != split)
		return refuse(why, -EBUSY, "%s is split at %u by what is active, not at %u",
			      smmu_ctx_name(dev), dev->bank->tables.split, split);
	return 0;
}

static int refuse_broken(const struct smmu_dev *dev, const char *what, struct reason *why)
{
	return refuse(why, -EIO, "%s: the hardware (%s, bank %u) did not %s", smmu_ctx_name(dev),
		      dev->drv->name ? dev->drv->name : "smmu", dev->bank->index, what);
}

static int activate_on_free_bank(struct smmu_dev *dev, struct table *t, enum half half,
				 unsigned int split, struct reason *why)
{
	struct smmu_tables tables = { .split = split };
	int r;

	tables.half[half] = t;
	dev->bank = free_bank(dev->drv);
	if (!dev->bank)
		return refuse(why, -ENODEV, "%s: all %u hardware contexts are active",
			      smmu_ctx_name(dev), dev->drv->n_banks);
	if (smmu_bank_enable(dev->bank, &tables)) {
		r = refuse_broken(dev, "enable translation", why);
		dev->bank = NULL;
		return r;
	}
	dev->bank->dev = dev;
	smmu_bank_route(dev->bank, dev->mid);
	return 0;
}

int smmu_ctx_activate(struct smmu_dev *dev, struct table *t, enum half half, unsigned int split,
		      struct reason *why)
{
	struct smmu_tables tables;
	int r;

	if (!dev->drv)
		return refuse(why, -ENODEV, "%s is bound to no SMMU", smmu_ctx_name(dev));
	if (dev->bank && dev->bank->tables.half[half])
		return refuse(why, -EBUSY, "%s: its %s base is taken", smmu_ctx_name(dev),
			      half_name(half));
	r = check_split(dev, half, split, why);
	if (r)
		return r;
	if (!dev->bank)
		return activate_on_free_bank(dev, t, half, split, why);
	tables = dev->bank->tables;
	tables.half[half] = t;
	if (smmu_bank_change(dev->bank, &tables))
		return refuse_broken(dev, "take the second table", why);
	return 0;
}

static int deactivate_all(struct smmu_dev *dev, struct reason *why)
{
	smmu_bank_route(parking_of(dev), dev->mid);
	if (smmu_bank_disable(dev->bank)) {
		smmu_bank_route(dev->bank, dev->mid);
		return refuse_broken(dev, "disable translation", why);
	}
	dev->bank->dev = NULL;
	dev->bank = NULL;
	return 0;
}

int smmu_ctx_deactivate(struct smmu_dev *dev, enum half half, struct reason *why)
{
	struct smmu_tables tables;

	if (!dev->bank || !dev->bank->tables.half[half])
		return refuse(why, -ENOENT, "%s: nothing is active at its %s base",
			      smmu_ctx_name(dev), half_name(half));
	tables = dev->bank->tables;
	tables.half[half] = NULL;
	if (!tables.half[HALF_LOW] && !tables.half[HALF_HIGH])
		return deactivate_all(dev, why);
	if (smmu_bank_change(dev->bank, &tables))
		return refuse_broken(dev, "let go of the table", why);
	smmu_bank_flush_stall(dev->bank, half);
	return 0;
}

int smmu_ctx_replace(struct smmu_dev *dev, struct table *t, enum half half, unsigned int split,
		     struct reason *why)
{
	struct smmu_tables tables;
	int r;

	if (!dev->bank || !dev->bank->tables.half[half])
		return refuse(why, -ENOENT, "%s: nothing is active at its %s base",
			      smmu_ctx_name(dev), half_name(half));
	r = check_split(dev, half, split, why);
	if (r)
		return r;
	tables = dev->bank->tables;
	tables.half[half] = t;
	if (smmu_bank_change(dev->bank, &tables))
		return refuse_broken(dev, "change its table", why);
	return 0;
}

void smmu_ctx_stop(struct smmu_dev *dev)
{
	struct smmu_bank *bank = dev->bank;

	if (!bank || !deactivate_all(dev, NULL))
		return;
	/* Parked is as good as disabled for the traffic. Its tables are not walked for anybody. */
	smmu_bank_route(parking_of(dev), dev->mid);
	smmu_bank_forget(bank);
	bank->dev = NULL;
	dev->bank = NULL;
}

int smmu_ctx_translate(struct smmu_dev *dev, uint64_t va, uint64_t *out_pa)
{
	uint32_t par;

	if (!dev->bank)
		return -ENOENT;
	if (va > UINT32_MAX)
		return -EFAULT;
	smmu_bank_write(dev->bank, SMMU_V2PUR, (uint32_t)va & SMMU_VA);
	par = smmu_bank_read(dev->bank, SMMU_PAR);
	if (par & PAR_F)
		return -EFAULT;
	if (par & PAR_SS)
		*out_pa = (par & PAR_PA_SS) | (va & ~PAR_PA_SS);
	else
		*out_pa = (par & PAR_PA) | (va & ~PAR_PA);
	return 0;
}

/* --- the posting's: a context with a table of its own ------------------------------------------------------------- */

static int need_own_table(struct smmu_dev *dev)
{
	if (!dev->drv)
		return -ENODEV;
	if (!dev->own)
		dev->own = v7s_ops.new(dev->drv->format);
	return dev->own ? 0 : -ENOMEM;
}

int smmu_activate(struct smmu_dev *dev)
{
	int r;

	if (!dev)
		return -EINVAL;
	r = need_own_table(dev);
	return r ? r : smmu_ctx_activate(dev, dev->own, HALF_LOW, 0, NULL);
}

int smmu_deactivate(struct smmu_dev *dev)
{
	return dev ? smmu_ctx_deactivate(dev, HALF_LOW, NULL) : -EINVAL;
}

int smmu_is_active(struct smmu_dev *dev)
{
	return dev && dev->bank;
}

static struct map_attr attr_of(unsigned int attr)
{
	bool none = !(attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE));

	return (struct map_attr){
		.read = true, /* the format has no access without it */
		.write = none || (attr & VCM_WRITE),
		.execute = attr & VCM_EXECUTE,
		.user = (attr & VCM_USER) || !(attr & VCM_SUPERVISOR),
		.secure = attr & VCM_SECURE,
		.cache = attr & VCM_CACHE_POLICY,
	};
}

static bool is_block(unsigned long at, unsigned long len)
{
	return len && !(len & (len - 1)) && (len & v7s_ops.page_sizes) && !(at & (len - 1));
}

static bool is_mapped_so(const struct smmu_dev *dev, unsigned long va, unsigned long len,
			 const unsigned long *pa)
{
	uint64_t there, size;

	return !v7s_lookup(dev->own, va, &there, &size) && size == len && (!pa || there == *pa);
}

int smmu_map(struct smmu_dev *dev, unsigned long pa, unsigned long va, unsigned long len,
	     unsigned int attr)
{
	int r;

	if (!dev || !is_block(pa | va, len))
		return -EINVAL;
	if (!dev->updating)
		return -EPERM;
	r = v7s_ops.map(dev->own, va, pa, len, len, attr_of(attr));
	if (r == -EEXIST && is_mapped_so(dev, va, len, &pa))
		return v7s_ops.protect(dev->own, va, len, attr_of(attr));
	return r;
}

int smmu_unmap(struct smmu_dev *dev, unsigned long va, unsigned long len)
{
	if (!dev || !is_block(va, len))
		return -EINVAL;
	if (!dev->updating)
		return -EPERM;
	if (!is_mapped_so(dev, va, len, NULL))
		return -ENOENT;
	return v7s_ops.unmap(dev->own, va, len);
}

int smmu_update_start(struct smmu_dev *dev)
{
	int r;

	if (!dev)
		return -EINVAL;
	if (dev->updating)
		return -EPERM;
	r = need_own_table(dev);
	if (r)
		return r;
	v7s_ops.update_start(dev->own);
	dev->updating = true;
	return 0;
}

int smmu_update_done(struct smmu_dev *dev)
{
	if (!dev)
		return -EINVAL;
	if (!dev->updating)
		return -EPERM;
	v7s_ops.update_done(dev->own);
	dev->updating = false;
	return 0;
}

unsigned long smmu_translate(struct smmu_dev *dev, unsigned long va)
{
	uint64_t pa;
	int r = dev ? smmu_ctx_translate(dev, va, &pa) : -EINVAL;

	errno = -r;
	return r ? 0 : pa;
}

int smmu_hook_irpt(struct smmu_dev *dev, vcm_handler handler, void *data)
{
	if (!dev)
		return -EINVAL;
	dev->handler = handler;
	dev->handler_data = data;
	return 0;
}
