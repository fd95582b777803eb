// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two sessions that share memory, for who looks at them: this one has a megabyte that it has exported, its child has imported
 * it to be read and mapped it. Says "sharing" then; each lasts for a byte of standard input.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vcm/smmu.h>
#include <vcm/vcm.h>

#define LEN (1u << 20)

static void wait_for_the_end(void)
{
	char c;

	if (read(STDIN_FILENO, &c, 1) < 0)
		err(EXIT_FAILURE, "standard input");
}

static void import_it(int from)
{
	char device[] = "mdp_port0";
	struct vcm_token token;
	struct physmem *mem;
	struct vcm *vcm;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (read(from, &token, sizeof(token)) != sizeof(token) || vcm_sys_init() < 0)
		err(EXIT_FAILURE, "no session");
	mem = vcm_import(&token);
	vcm = vcm_create(0x10000000, 16 * LEN);
	if (!mem || !vcm ||
	    vcm_activate(vcm_assoc(vcm, (size_t)smmu_get_ctx_instance(device), 0)) < 0 ||
	    vcm_back(vcm_reserve(vcm, LEN, VCM_READ), mem) < 0)
		err(EXIT_FAILURE, "nothing imported");
	puts("sharing");
	fflush(stdout);
	wait_for_the_end();
	vcm_sys_destroy();
}

static void export_it(int to)
{
	struct vcm_token token;
	struct physmem *mem;

	if (vcm_sys_init() < 0)
		err(EXIT_FAILURE, "no session");
	mem = vcm_phys_alloc(VCM_MEMTYPE_1, LEN, VCM_COHERENT);
	if (!mem || vcm_export(mem, VCM_SHARE_READ, &token) < 0 ||
	    write(to, &token, sizeof(token)) != sizeof(token))
		err(EXIT_FAILURE, "nothing exported");
	wait_for_the_end();
	vcm_sys_destroy();
}

int main(void)
{
	int ends[2], status;
	pid_t pid;

	if (pipe(ends) < 0)
		err(EXIT_FAILURE, "pipe");
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid == 0) {
		import_it(ends[0]);
		return EXIT_SUCCESS;
	}
	export_it(ends[1]);
	return waitpid(pid, &status, 0) == pid && status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
