// SPDX-License-Identifier: BSD-3-Clause
/*
 * A CPU without a system shares memory with Linux, both ways.
 *
 *	this CPU				a Linux process (share.c)
 *	allocates a page of the window,
 *	backs a reservation for a device,
 *	writes a text, exports it,
 *	prints the token	-------------->	imports it, reads the text through its own pointer and
 *						through a device, allocates another page, writes into it,
 *	finds its token in the first page <---	exports that, and leaves the token in the first page
 *	imports it, reads it, answers in it -->	reads the answer
 *
 * Arguments: `loop`: it never ends, and keeps the broker busy; for tests.
 */
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "examples/node/board.h"
#include "examples/node/page.h"
#include "remote/api.h"
#include "remote/node.h"
#include "remote/rpmsg.h"

static struct vcm_rpmsg rpmsg;
static struct vcm_node node;

static int fail(const char *what)
{
	board_print("guest: ");
	board_print(what);
	board_print(": error ");
	board_print_number((uint32_t)vcm_errno());
	board_print(" ");
	board_print(vcm_last_error());
	board_print("\n");
	return 1;
}

static void copy_text(char *to, const char *from)
{
	while ((*to++ = *from++))
		;
}

static bool is_text(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Where this CPU sees a physmem: the window is contiguous, so one segment is all of it. */
static struct page *page_of(const struct board *b, struct physmem *memory)
{
	size_t len = 0, pa = vcm_get_next_phys_addr(memory, 0, &len);

	return pa && len >= PAGE_LEN ? b->port.address(b->port.ctx, pa, PAGE_LEN) : NULL;
}

struct mine {
	struct vcm *vcm;
	struct res *res;
	struct physmem *memory;
	struct avcm *avcm;
};

static bool make(struct mine *m)
{
	char name[] = PAGE_DEVICE;
	size_t device = (size_t)(uintptr_t)smmu_get_ctx_instance(name);

	m->vcm = vcm_create(0x100000, 0x100000);
	m->res = vcm_reserve(m->vcm, PAGE_LEN, VCM_READ | VCM_WRITE);
	m->memory = vcm_phys_alloc(PAGE_MEMTYPE, PAGE_LEN, VCM_COHERENT);
	m->avcm = vcm_assoc(m->vcm, device, 0);
	return m->avcm && vcm_activate(m->avcm) == 0 && vcm_back(m->res, m->memory) == 0;
}

static bool unmake(const struct mine *m)
{
	return vcm_unback(m->res) == 0 && vcm_phys_free(m->memory) == 0 &&
	       vcm_unreserve(m->res) == 0 && vcm_deactivate(m->avcm) == 0 &&
	       vcm_deassoc(m->avcm) == 0 && vcm_free(m->vcm) == 0;
}

static void print_token(const struct vcm_token *token)
{
	board_print("token ");
	board_print_hex(token->bytes, sizeof(token->bytes));
	board_print("\n");
}

/* The other way: the peer has left a token in our page. */
static int answer(const struct board *b, struct page *page)
{
	struct vcm_token token;
	struct physmem *theirs;
	struct page *other;

	while (__atomic_load_n(&page->state, __ATOMIC_ACQUIRE) != PAGE_ANSWERED)
		vcm_dispatch(0);
	token = page->token;
	theirs = vcm_import(&token);
	other = theirs ? page_of(b, theirs) : NULL;
	if (!other)
		return fail("import");
	board_print("guest: Linux says: ");
	board_print(other->text);
	board_print("\n");
	if (!is_text(other->text, PAGE_FROM_LINUX))
		return fail("the text is another");
	copy_text(other->text, PAGE_FROM_GUEST_TOO);
	__atomic_store_n(&other->state, PAGE_ANSWERED, __ATOMIC_RELEASE);
	while (__atomic_load_n(&page->state, __ATOMIC_ACQUIRE) != PAGE_DONE)
		vcm_dispatch(0);
	return vcm_phys_free(theirs) == 0 ? 0 : fail("phys_free");
}

static int share(const struct board *b)
{
	struct vcm_token token;
	struct page *page;
	struct mine m;
	int r;

	if (!make(&m))
		return fail("making a buffer");
	page = page_of(b, m.memory);
	if (!page)
		return fail("the memory is not in the window");
	copy_text(page->text, PAGE_FROM_GUEST);
	page->state = PAGE_WRITTEN;
	if (vcm_export(m.memory, VCM_SHARE_WRITE, &token) < 0)
		return fail("export");
	print_token(&token);
	r = answer(b, page);
	if (r)
		return r;
	return unmake(&m) ? 0 : fail("taking it down");
}

static bool attach(void)
{
	if (vcm_sys_init() < 0)
		return false;
	board_print("attached ");
	board_print_number(rpmsg.epoch);
	board_print("\n");
	return true;
}

/* A reply of an earlier life would be one that nobody waits for. */
static bool is_in_order(void)
{
	return node.n_stale == 0 && rpmsg.n_dropped == 0;
}

static bool make_and_unmake(void)
{
	struct vcm *v = vcm_create(0x100000, 0x100000);
	struct res *r = vcm_reserve(v, PAGE_LEN, 0);
	struct physmem *p = vcm_phys_alloc(PAGE_MEMTYPE, PAGE_LEN, VCM_COHERENT);

	return r && p && vcm_phys_free(p) == 0 && vcm_unreserve(r) == 0 && vcm_free(v) == 0;
}

/* Objects come and go, as fast as the broker answers, until the machine is switched off. */
static int keep_busy(void)
{
	for (uint32_t i = 1; is_in_order(); i++) {
		bool is_good = make_and_unmake();

		if (is_good && i % 4 == 0)
			board_print("busy\n");
		if (!is_good && node.state == VCM_NODE_ATTACHED)
			return fail("busy");
		while (node.state != VCM_NODE_ATTACHED)
			attach();
	}
	return fail("a reply came that nobody had asked for");
}

int guest_main(struct board *b)
{
	int r;

	vcm_rpmsg_init(&rpmsg, &(struct vcm_rpmsg_setup){ .port = &b->port,
							  .table = b->window,
							  .table_len = 0x1000,
							  .polled = !b->has_doorbell,
							  .restart = true,
							  .name = "vcm",
							  .receive = vcm_node_receive,
							  .reset = vcm_node_reset,
							  .ctx = &node });
	vcm_node_init(&node, &rpmsg.link, "guest");
	vcm_node_use(&node);
	board_print(b->has_doorbell ? "guest: asleep until the doorbell rings\n" :
				      "guest: looking at the memory all the time\n");
	if (!attach())
		return fail("attach");
	if (board_has_argument(b, "loop"))
		return keep_busy();
	r = share(b);
	if (r == 0 && vcm_sys_destroy() < 0)
		r = fail("detach");
	board_print(r == 0 ? "guest: done\n" : "guest: failed\n");
	return r;
}
