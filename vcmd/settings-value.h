/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kinds of values of vcmd.conf, as libconfuse's callbacks: each reads the text of one into a struct value, or says what
 * is wrong with it. Included by settings*.c only.
 *
 * libconfuse gives its callbacks no context: what they say goes to whoever began, and the first of it counts.
 */
#pragma once

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/reason.h"
#include "vcmd/settings.h"

/* The first that is wrong is why it failed. */
void values_begin(struct reason *why);
/* 0; or -EINVAL, -ENOMEM: the first failure so far. */
int values_error(void);
/* All has been read: what is freed from now on was not given twice. */
void values_settle(void);
void values_end(void);

/* "FILE:LINE: what is wrong", where libconfuse is. Returns -1, which is its word for that. */
int value_wrong(const cfg_t *cfg, const char *fmt, ...) _printf_(2, 3);
/* NULL without memory, or when something was wrong before. */
struct value *value_new(cfg_t *cfg, const cfg_opt_t *opt, const char *text);
void value_free(void *p);
int value_give_number(cfg_t *cfg, const cfg_opt_t *opt, const char *text, uint64_t n, void *result);
/* NULL fails. */
int value_give(struct value *v, void *result);
/* Digits, decimal or after 0x, and nothing else up to end. */
bool value_digits(const char *text, const char **end, uint64_t *out);

#define VALUE(kind) int value_##kind(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)

/* settings-value.c: numbers */
VALUE(number);
VALUE(len);
VALUE(pages);
VALUE(addr);
VALUE(range);
VALUE(bool);

/* settings-word.c: words */
VALUE(text);
VALUE(path);
VALUE(socket);
VALUE(bus);
VALUE(log_level);
VALUE(mode);
VALUE(source);
VALUE(registers);
VALUE(kick);
VALUE(pci);
VALUE(node);
VALUE(user);
VALUE(group);
VALUE(group_name);
