// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

static bool is_damaged(const struct journal_report *r)
{
	return r->damage != JOURNAL_WHOLE && r->damage != JOURNAL_EMPTY;
}

static int tell_damage(const struct journal_report *r)
{
	fprintf(stderr,
		"vcmctl: the journal is %s at byte %zu of chunk %" PRIu64 ": %s; the %" PRIu64
		" records before that are whole\n",
		journal_damage_name(r->damage), r->offset, r->chunk, r->what, r->n_records);
	return 1;
}

static int add_report(struct table *t, const struct journal_report *r, size_t n_chunks,
		      uint64_t bytes)
{
	struct vcm_row row = { .n_n = VCM_JOURNAL_N,
			       .n_s = 2,
			       .s = { journal_damage_name(r->damage), r->what } };

	row.n[VCM_JOURNAL_IS_DAMAGED] = is_damaged(r);
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
static int read_file(const char *path, char **out, size_t *out_len)
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
	*out = p;
	*out_len = (size_t)st.st_size;
	return 0;
}

/* Files that have been read, as the reader wants them, and as they are to be freed. */
struct files {
	struct journal_chunk *chunks;
	char **copies;
	size_t n;
};

static void files_deinit(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->copies[i]);
	free(f->copies);
	free(f->chunks);
}

static int read_files(struct files *f, char *const *paths, uint64_t *out_bytes)
{
	size_t n = 0, len = 0;
	int r = 0;

	*out_bytes = 0;
	while (paths[n])
		n++;
	f->chunks = calloc(n, sizeof(*f->chunks));
	f->copies = calloc(n, sizeof(char *));
	if (!f->chunks || !f->copies)
		return -ENOMEM;
	while (r == 0 && f->n < n) {
		r = read_file(paths[f->n], &f->copies[f->n], &len);
		if (r < 0) {
			fprintf(stderr, "vcmctl: %s: %s\n", paths[f->n], strerror(-r));
			break;
		}
		f->chunks[f->n] = (struct journal_chunk){ f->copies[f->n], len };
		*out_bytes += len;
		f->n++;
	}
	return r;
}

static int load_files(struct table *t, char *const *paths, bool rows)
{
	struct files f = { .n = 0 };
	struct reading r = { .table = t };
	struct journal_report report;
	uint64_t bytes;

	r.err = read_files(&f, paths, &bytes);
	if (r.err == 0) {
		journal_read(f.chunks, f.n, rows ? take_head : NULL, &r, &report);
		if (!rows)
			r.err = add_report(t, &report, f.n, bytes);
		else if (r.err == 0 && is_damaged(&report))
			r.err = tell_damage(&report);
	}
	files_deinit(&f);
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
