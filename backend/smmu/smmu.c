// SPDX-License-Identifier: BSD-3-Clause
/* The register driver as a backend of the broker: contexts by number, faults as an fd. */
#include "backend/smmu/smmu.h"

#include <errno.h>
#include <string.h>

#include "backend/smmu/driver.h"
#include "backend/smmu/v7s.h"
#include "base/mem.h"

struct smmu {
	struct backend backend; /* first */
	struct smmu_driver drv;
	char *name;
	bool simulated;
	const struct irq *irq;  /* NULL: it needs no acknowledgement */
	struct smmu_dev **devs; /* by context */
	unsigned int n_devs;
};

static struct smmu *self(struct backend *b)
{
	return (struct smmu *)(void *)b;
}

static struct smmu_dev *dev_of(struct backend *b, unsigned int context)
{
	return context < self(b)->n_devs ? self(b)->devs[context] : NULL;
}

static void smmu_caps(struct backend *b, struct backend_caps *out)
{
	const struct smmu *s = self(b);

	*out = (struct backend_caps){
		.page_sizes = v7s_ops.page_sizes,
		.va_bits = v7s_ops.va_bits,
		.pa_bits = 32,
		.n_contexts = s->n_devs,
		.n_banks = s->drv.n_banks,
		.split = true,
		.stall = true,
		.atomic_switch = true,
		.simulated = s->simulated,
	};
}

static int smmu_context_by_name(struct backend *b, const char *name)
{
	for (unsigned int i = 0; i < self(b)->n_devs; i++) {
		if (strcmp(smmu_ctx_name(self(b)->devs[i]), name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

static uint64_t smmu_base_addr(struct backend *b)
{
	return self(b)->drv.base;
}

static uint32_t smmu_hw_version(struct backend *b)
{
	return self(b)->drv.version;
}

static int refuse_context(const struct smmu *s, unsigned int context, struct reason *why)
{
	return refuse(why, -EINVAL, "%s has no context %u", s->name, context);
}

static int backend_activate(struct backend *b, unsigned int context, struct table *t,
			    enum half half, unsigned int split, struct reason *why)
{
	struct smmu_dev *dev = dev_of(b, context);

	if (!dev)
		return refuse_context(self(b), context, why);
	return smmu_ctx_activate(dev, t, half, split, why);
}

static int backend_deactivate(struct backend *b, unsigned int context, enum half half,
			      struct reason *why)
{
	struct smmu_dev *dev = dev_of(b, context);

	if (!dev)
		return refuse_context(self(b), context, why);
	return smmu_ctx_deactivate(dev, half, why);
}

static int backend_replace(struct backend *b, unsigned int context, struct table *new_t,
			   enum half half, unsigned int split, struct reason *why)
{
	struct smmu_dev *dev = dev_of(b, context);

	if (!dev)
		return refuse_context(self(b), context, why);
	return smmu_ctx_replace(dev, new_t, half, split, why);
}

static int backend_translate(struct backend *b, unsigned int context, uint64_t va, uint64_t *out_pa)
{
	struct smmu_dev *dev = dev_of(b, context);

	return dev ? smmu_ctx_translate(dev, va, out_pa) : -ENOENT;
}

/* The interrupt itself: it is asserted as long as a fault is in the registers, and fault_next() takes it from there. */
static int smmu_fault_fd(struct backend *b)
{
	return self(b)->drv.irq;
}

static int smmu_fault_next(struct backend *b, struct fault *out)
{
	struct smmu *s = self(b);
	struct smmu_dev *dev;

	if (!smmu_fault_take(&s->drv, &dev, out)) {
		if (!s->irq)
			return 0;
		/* What comes after this is an interrupt again; what came before it is seen here. */
		s->irq->ack(s->irq->ctx);
		if (!smmu_fault_take(&s->drv, &dev, out))
			return 0;
	}
	for (unsigned int i = 0; i < s->n_devs; i++) {
		if (s->devs[i] == dev)
			out->context = i;
	}
	return 1;
}

static int backend_fault_resume(struct backend *b, unsigned int context, bool retry)
{
	struct smmu_dev *dev = dev_of(b, context);

	return dev ? smmu_fault_resume(dev, retry) : -ENOENT;
}

/* Real hardware and its tables are parked all the same by free(): what it holds in its TLB cannot be told apart from what
 * the next process wants. */
static void smmu_leave(struct backend *b)
{
	if (!self(b)->simulated)
		v7s_leave(b->format_ctx);
}

static void smmu_free(struct backend *b)
{
	struct smmu *s = self(b);

	if (!s)
		return;
	for (unsigned int i = 0; i < s->n_devs; i++) {
		if (!s->devs[i])
			continue;
		smmu_ctx_stop(s->devs[i]);
		smmu_ctx_deinit(s->devs[i]);
	}
	smmu_drvdata_deinit(&s->drv);
	mem_free(s->devs);
	mem_free(s->name);
	mem_free(s);
}

static const struct backend_ops smmu_ops = {
	.name = "smmu",
	.caps = smmu_caps,
	.context_by_name = smmu_context_by_name,
	.base_addr = smmu_base_addr,
	.hw_version = smmu_hw_version,
	.activate = backend_activate,
	.deactivate = backend_deactivate,
	.replace = backend_replace,
	.translate = backend_translate,
	.fault_fd = smmu_fault_fd,
	.fault_next = smmu_fault_next,
	.fault_resume = backend_fault_resume,
	.leave = smmu_leave,
	.free = smmu_free,
};

static int add_context(struct smmu *s, unsigned int i, const struct smmu_context_config *config,
		       struct reason *why)
{
	int r;

	if (config->mid >= s->drv.n_mids)
		return refuse(why, -EINVAL, "%s: context %s has mid %u, the hardware has 0 to %u",
			      s->name, config->name, config->mid, s->drv.n_mids - 1);
	s->devs[i] = smmu_ctx_init((int)config->mid);
	if (!s->devs[i] || smmu_ctx_set_name(s->devs[i], config->name))
		return refuse(why, -ENOMEM, "%s: no memory", s->name);
	r = smmu_ctx_bind(s->devs[i], &s->drv);
	if (r == -EBUSY)
		return refuse(why, -EINVAL, "%s: context %s shares mid %u with another", s->name,
			      config->name, config->mid);
	return r;
}

static int add_contexts(struct smmu *s, const struct smmu_config *config, struct reason *why)
{
	for (; s->n_devs < config->n_contexts; s->n_devs++) {
		int r = add_context(s, s->n_devs, &config->contexts[s->n_devs], why);

		if (r) {
			s->n_devs++; /* what there is of it is to be freed */
			return r;
		}
	}
	return 0;
}

static int smmu_init(struct smmu *s, const struct smmu_config *config, struct v7s *format,
		     struct reason *why)
{
	int r;

	s->backend = (struct backend){ .ops = &smmu_ops, .format = &v7s_ops, .format_ctx = format };
	s->simulated = config->simulated;
	s->irq = config->irq;
	s->name = mem_strdup(config->name);
	/* One more than needed: an SMMU without contexts is legal, an allocation of 0 bytes may be NULL. */
	s->devs = mem_zalloc_n(config->n_contexts + 1, sizeof(struct smmu_dev *));
	if (!s->name || !s->devs)
		return refuse(why, -ENOMEM, "no memory");
	s->drv.name = s->name;
	s->drv.io = config->io;
	s->drv.format = format;
	r = smmu_drvdata_init(&s->drv, config->base,
			      config->irq ? config->irq->fd : config->irq_fd);
	if (r == -EIO)
		return refuse(why, r, "%s: the registers are no SMMU's, or fail their probe",
			      s->name);
	if (r)
		return refuse(why, r, "%s: no memory", s->name);
	return add_contexts(s, config, why);
}

int smmu_new(const struct smmu_config *config, struct v7s *format, struct backend **out,
	     struct reason *why)
{
	struct smmu *s;
	int r;

	if (!config->name || !config->io || !format)
		return refuse(why, -EINVAL, "an SMMU needs a name, registers and a table format");
	s = mem_new0(struct smmu);
	if (!s)
		return refuse(why, -ENOMEM, "no memory");
	r = smmu_init(s, config, format, why);
	if (r) {
		smmu_free(&s->backend);
		return r;
	}
	*out = &s->backend;
	return 0;
}
