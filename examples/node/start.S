/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first instructions: a multiboot loader (QEMU's -kernel) has left us in 32-bit mode, flat, without interrupts, with
 * ebx at what it has to say.
 */
	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, 0x3, -(0x1badb002 + 0x3)

	.text
	.globl _start
_start:
	movl	$stack_top, %esp
	lgdt	gdt_pointer
	ljmp	$0x08, $1f
1:	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	pushl	%ebx
	call	board_main
	/* isa-debug-exit: QEMU ends with 2 * eax + 1. */
	outb	%al, $0xf4
2:	cli
	hlt
	jmp	2b

	/* Both interrupts, the doorbell's and the timer's, only have to wake us. */
	.globl board_interrupt_entry
board_interrupt_entry:
	pushal
	cld
	call	board_interrupt
	popal
	iretl

	.section .rodata
	.align 8
gdt:
	.quad	0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.bss
	.align 16
	.skip 16384
stack_top:

	.section .note.GNU-stack, "", @progbits
