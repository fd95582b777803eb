// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vcm/manage.h>

#include "journal/reader.h"
#include "vcmctl/broker.h"
#include "vcmctl/command.h"

struct reading {
	struct table *table;
	int err;
};

static int take_row(void *ctx, const struct vcm_row *row)
{
	return table_add(ctx, row);
}

/* --- in files */

static void take_head(void *ctx, uint64_t sequence, const struct row_head *head)
{
	struct reading *r = ctx;
	struct vcm_row row = { .n_n = VCM_JOURNAL_ROW_N,
			       .n_s = 1,
			       .s = { row_kind_name(head->kind) } };

	row.n[VCM_JOURNAL_ROW_SEQUENCE] = sequence;
	row.n[VCM_JOURNAL_ROW_KIND] = head->kind;
	row.n[VCM_JOURNAL_ROW_IS_GONE] = head->flags & ROW_GONE;
	row.n[VCM_JOURNAL_ROW_SESSION] = head->session;
	row.n[VCM_JOURNAL_ROW_KEY] = head->key;
	row.n[VCM_JOURNAL_ROW_LEN] = head->len;
	if (r->err == 0)
		r->err = table_add(r->table, &row);
}

static int add_report(struct table *t, const struct journal_report *r, size_t n_chunks,
		      uint64_t bytes)
{
	struct vcm_row row = { .n_n = VCM_JOURNAL_N,
			       .n_s = 2,
			       .s = { journal_damage_name(r->damage), r->what } };

	row.n[VCM_JOURNAL_IS_DAMAGED] = r->damage != JOURNAL_WHOLE && r->damage != JOURNAL_EMPTY;
	row.n[VCM_JOURNAL_CHUNK] = r->chunk;
	row.n[VCM_JOURNAL_OFFSET] = r->offset;
	row.n[VCM_JOURNAL_RECORDS] = r->n_records;
	row.n[VCM_JOURNAL_ROWS] = r->n_rows;
	row.n[VCM_JOURNAL_LAST] = r->last;
	row.n[VCM_JOURNAL_RETIRED] = r->retired;
	row.n[VCM_JOURNAL_LOST_BYTES] = r->lost_bytes;
	row.n[VCM_JOURNAL_LOST_RECORDS] = r->lost_records;
	row.n[VCM_JOURNAL_WARNINGS] = r->n_warnings;
	row.n[VCM_JOURNAL_CHUNKS] = n_chunks;
	row.n[VCM_JOURNAL_BYTES] = bytes;
	return table_add(t, &row);
}

/* A copy: what is read must not change meanwhile. */
static int read_file(const char *path, struct journal_chunk *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	char *p = NULL;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err == 0)
		p = malloc((size_t)st.st_size + 1);
	if (err == 0 && !p)
		err = -ENOMEM;
	for (size_t done = 0; err == 0 && done < (size_t)st.st_size; done += (size_t)n) {
		n = pread(fd, p + done, (size_t)st.st_size - done, (off_t)done);
		if (n <= 0) {
			err = n < 0 ? -errno : -EIO;
			break;
		}
	}
	close(fd);
	if (err < 0) {
		free(p);
		return err;
	}
	*out = (struct journal_chunk){ p, (size_t)st.st_size };
	return 0;
}

static void free_chunks(struct journal_chunk *chunks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)chunks[i].at);
	free(chunks);
}

static int load_files(struct table *t, char *const *files, bool rows)
{
	struct reading r = { .table = t };
	struct journal_report report;
	struct journal_chunk *chunks;
	size_t n = 0, read = 0;
	uint64_t bytes = 0;

	while (files[n])
		n++;
	chunks = calloc(n, sizeof(*chunks));
	if (!chunks)
		r.err = -ENOMEM;
	for (; r.err == 0 && read < n; read += r.err == 0) {
		r.err = read_file(files[read], &chunks[read]);
		if (r.err < 0)
			fprintf(stderr, "vcmctl: %s: %s\n", files[read], strerror(-r.err));
		else
			bytes += chunks[read].len;
	}
	if (r.err == 0) {
		journal_read(chunks, n, rows ? take_head : NULL, &r, &report);
		if (!rows)
			r.err = add_report(t, &report, n, bytes);
	}
	if (chunks)
		free_chunks(chunks, read);
	return r.err;
}

/* --- the broker's */

static int load_broker(struct table *t, bool rows)
{
	int r;

	if (!broker_join())
		return -ENOTCONN;
	r = rows ? vcm_journal_show(take_row, t) : vcm_journal_verify(take_row, t);
	if (r < 0)
		tell_failure(r, "the journal cannot be read");
	return r;
}

int journal_load_report(struct table *t, char *const *files)
{
	return files[0] ? load_files(t, files, false) : load_broker(t, false);
}

int journal_load_rows(struct table *t, char *const *files)
{
	return files[0] ? load_files(t, files, true) : load_broker(t, true);
}
