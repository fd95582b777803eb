// SPDX-License-Identifier: BSD-3-Clause
#include "examples/node/board.h"

#include "remote/error.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_COMMAND 0x04
#define PCI_BAR(n) (0x10 + 4 * (n))
#define PCI_CAPABILITIES 0x34
#define PCI_CAP_MSIX 0x11
#define IVSHMEM_IDS 0x11101af4u
/* Registers of BAR 0: who we are, and the doorbell, which is rung with peer << 16 | vector. vcmd is peer 0. */
#define IVSHMEM_DOORBELL 3
#define DOORBELL_VCMD 0u

#define LAPIC 0xfee00000u
#define LAPIC_EOI 0x0b0
#define LAPIC_SPURIOUS 0x0f0
#define LAPIC_TIMER 0x320
#define LAPIC_TIMER_COUNT 0x380
#define LAPIC_TIMER_DIVIDE 0x3e0
#define VECTOR_DOORBELL 0x40u
#define VECTOR_TIMER 0x41u
#define SERIAL 0x3f8

static struct board board;
static volatile uint32_t *registers;
static volatile bool is_rung;

extern char board_interrupt_entry[];
void board_interrupt(void);
int board_main(const uint32_t *multiboot);

/* --- the CPU ------------------------------------------------------------------------------------------------------ */

static void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void *pointer_to(uint32_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
}

/* A register of the machine, or of a device. */
static volatile uint32_t *at(uint32_t address)
{
	return pointer_to(address);
}

static void lapic_put(uint32_t reg, uint32_t v)
{
	*at(LAPIC + reg) = v;
}

/* A doorbell may be lost for good, with the host that had it: the timer looks all the same, five hundred times a second. */
void board_interrupt(void)
{
	is_rung = true;
	lapic_put(LAPIC_EOI, 0);
}

static void open_gate(uint64_t *idt, uint32_t vector)
{
	uint32_t entry = (uint32_t)(uintptr_t)board_interrupt_entry;

	idt[vector] = (entry & 0xffffu) | 0x08u << 16 | (uint64_t)0x8e00u << 32 |
		      (uint64_t)(entry >> 16) << 48;
}

static void start_interrupts(void)
{
	static uint64_t idt[256];
	static struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} pointer;

	open_gate(idt, VECTOR_DOORBELL);
	open_gate(idt, VECTOR_TIMER);
	pointer.limit = sizeof(idt) - 1;
	pointer.base = (uint32_t)(uintptr_t)idt;
	__asm__ volatile("lidt %0" ::"m"(pointer));
	out8(0x21, 0xff); /* the old interrupt controllers are silent */
	out8(0xa1, 0xff);
	lapic_put(LAPIC_SPURIOUS, 0x1ff);
	lapic_put(LAPIC_TIMER_DIVIDE, 0x3);
	lapic_put(LAPIC_TIMER, 0x20000u | VECTOR_TIMER);
	lapic_put(LAPIC_TIMER_COUNT, 125000); /* of a thousand million, by 16 */
}

/* --- the device --------------------------------------------------------------------------------------------------- */

static uint32_t pci_get(uint32_t slot, uint32_t reg)
{
	out32(PCI_ADDRESS, 0x80000000u | slot << 11 | (reg & 0xfcu));
	return in32(PCI_DATA);
}

static void pci_put(uint32_t slot, uint32_t reg, uint32_t v)
{
	out32(PCI_ADDRESS, 0x80000000u | slot << 11 | (reg & 0xfcu));
	out32(PCI_DATA, v);
}

/* The doorbell's interrupt goes to this CPU. False: the device has none. */
static bool start_msix(uint32_t slot)
{
	uint32_t cap = pci_get(slot, PCI_CAPABILITIES) & 0xff, table;
	volatile uint32_t *entry;

	while (cap && (pci_get(slot, cap) & 0xff) != PCI_CAP_MSIX)
		cap = pci_get(slot, cap) >> 8 & 0xff;
	if (!cap)
		return false;
	table = pci_get(slot, cap + 4);
	entry = at((pci_get(slot, PCI_BAR(table & 7)) & ~0xfu) + (table & ~7u));
	entry[0] = LAPIC;
	entry[1] = 0;
	entry[2] = VECTOR_DOORBELL;
	entry[3] = 0;
	pci_put(slot, cap, (pci_get(slot, cap) | 0x80000000u) & ~0x40000000u);
	return true;
}

static bool find_device(void)
{
	uint32_t slot = 0, bar;

	while (slot < 32 && pci_get(slot, 0) != IVSHMEM_IDS)
		slot++;
	if (slot == 32)
		return false;
	bar = pci_get(slot, PCI_BAR(2));
	pci_put(slot, PCI_BAR(2), UINT32_MAX);
	board.len = ~(pci_get(slot, PCI_BAR(2)) & ~0xfu) + 1;
	pci_put(slot, PCI_BAR(2), bar);
	pci_put(slot, PCI_COMMAND, pci_get(slot, PCI_COMMAND) | 0x6); /* memory, bus master */
	registers = at(pci_get(slot, PCI_BAR(0)) & ~0xfu);
	board.window = pointer_to(bar & ~0xfu);
	board.has_doorbell = start_msix(slot);
	return true;
}

/* --- the port ----------------------------------------------------------------------------------------------------- */

static void kick(void *ctx, uint32_t notify_id)
{
	(void)ctx;
	(void)notify_id;
	if (board.has_doorbell)
		registers[IVSHMEM_DOORBELL] = DOORBELL_VCMD << 16;
}

/* Between the look and the sleep no interrupt gets in: sti holds until the instruction after it has begun. */
static int wait(void *ctx)
{
	(void)ctx;
	if (!board.has_doorbell) {
		__asm__ volatile("pause");
		return 0;
	}
	__asm__ volatile("cli" ::: "memory");
	while (!is_rung)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	is_rung = false;
	__asm__ volatile("sti" ::: "memory");
	return 0;
}

static void *address(void *ctx, uint64_t da, size_t len)
{
	(void)ctx;
	if (da < BOARD_BASE || da - BOARD_BASE > board.len || len > board.len - (da - BOARD_BASE))
		return NULL;
	return board.window + (size_t)(da - BOARD_BASE);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

void board_print(const char *text)
{
	for (; *text; text++) {
		while (!(in8(SERIAL + 5) & 0x20))
			;
		out8(SERIAL, (uint8_t)*text);
	}
}

void board_print_hex(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		char text[3] = { "0123456789abcdef"[p[i] >> 4], "0123456789abcdef"[p[i] & 15], 0 };

		board_print(text);
	}
}

void board_print_number(uint32_t v)
{
	char text[11];
	size_t i = sizeof(text) - 1;

	text[i] = 0;
	do
		text[--i] = (char)('0' + v % 10);
	while (v /= 10);
	board_print(text + i);
}

bool board_has_argument(const struct board *b, const char *word)
{
	for (const char *p = b->arguments; *p; p++) {
		size_t n = 0;

		while (word[n] && p[n] == word[n])
			n++;
		if (!word[n] && (p[n] == 0 || p[n] == ' ') && (p == b->arguments || p[-1] == ' '))
			return true;
	}
	return false;
}

/* What a compiler may call, whatever we do. */
void *memcpy(void *to, const void *from, size_t len)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len)::"memory");
	return start;
}

void *memmove(void *to, const void *from, size_t len)
{
	uint8_t *t = (uint8_t *)to + len - 1;
	const uint8_t *f = (const uint8_t *)from + len - 1;

	if ((uintptr_t)to - (uintptr_t)from >= len)
		return memcpy(to, from, len);
	__asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(t), "+S"(f), "+c"(len)::"memory");
	return to;
}

void *memset(void *to, int c, size_t len)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(c) : "memory");
	return start;
}

int board_main(const uint32_t *multiboot)
{
	board.arguments = multiboot[0] & 0x4 ? pointer_to(multiboot[4]) : "";
	board.port = (struct vcm_port){ .kick = kick, .wait = wait, .address = address };
	start_interrupts();
	if (!find_device()) {
		board_print("there is no shared memory\n");
		return VCM_ENODEV;
	}
	return guest_main(&board);
}
