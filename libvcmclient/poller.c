// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/poller.h"

#include <limits.h>
#include <sched.h>
#include <sys/resource.h>

#define CURIOUS_EVERY 64  /* calls: two system calls then cost nothing each */
#define PREEMPTED_SKIP 32 /* calls: about 2 ms for the others */

bool poller_is_curious(const struct poller *p)
{
	return !p->is_known || p->n_calls >= CURIOUS_EVERY;
}

void poller_learn(struct poller *p, const struct poller_facts *facts)
{
	if (p->is_known && facts->n_preempted > p->n_preempted && p->skip < PREEMPTED_SKIP)
		p->skip = PREEMPTED_SKIP;
	p->is_alone = facts->n_cpus < 2;
	p->n_preempted = facts->n_preempted;
	p->n_calls = 0;
	p->is_known = true;
}

void poller_look_up(pid_t broker, struct poller_facts *out)
{
	struct rusage usage = { .ru_nivcsw = 0 };
	cpu_set_t set, other;

	/* It fails where there are more CPUs than a cpu_set_t has bits. */
	if (sched_getaffinity(0, sizeof(set), &set) < 0) {
		out->n_cpus = UINT_MAX;
	} else {
		if (broker > 0 && CPU_COUNT(&set) < 2 &&
		    sched_getaffinity(broker, sizeof(other), &other) == 0)
			CPU_OR(&set, &set, &other);
		out->n_cpus = (unsigned int)CPU_COUNT(&set);
	}
	getrusage(RUSAGE_THREAD, &usage);
	out->n_preempted = usage.ru_nivcsw;
}

bool poller_begin(struct poller *p)
{
	p->n_calls++;
	if (p->is_alone)
		return false;
	if (p->skip == 0)
		return true;
	p->skip--;
	return false;
}

void poller_end(struct poller *p, bool has_paid)
{
	if (has_paid) {
		p->backoff /= 2;
		return;
	}
	p->backoff = p->backoff ? 2 * p->backoff : 1;
	if (p->backoff > POLLER_MAX_SKIP)
		p->backoff = POLLER_MAX_SKIP;
	p->skip = p->backoff;
}
