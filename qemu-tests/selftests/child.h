/* SPDX-License-Identifier: Apache-2.0 */
/* A test in a process of its own, so that the next one runs whatever it does. */
#ifndef BPFSHIM_SELFTESTS_CHILD_H
#define BPFSHIM_SELFTESTS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int status;	/* as of waitpid(2) */
	int answer[4];	/* what the test left */
	bool answered;	/* false: it did not come so far, and the answer is zeroes */
};

/* Runs body(arg, answer); its output goes where this process's goes, by lines. */
static struct child in_child(void (*body)(const void *arg, int *answer), const void *arg)
{
	struct child c = { 0 };
	int fds[2];
	pid_t pid;

	fflush(stdout);
	if (pipe(fds))
		exit(125);
	pid = fork();
	if (pid < 0)
		exit(125);
	if (!pid) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		dup2(1, 2);
		body(arg, c.answer);
		fflush(stdout);
		_exit(write(fds[1], c.answer, sizeof(c.answer)) == sizeof(c.answer) ? 0 : 125);
	}
	close(fds[1]);
	c.answered = read(fds[0], c.answer, sizeof(c.answer)) == sizeof(c.answer);
	if (!c.answered)
		memset(c.answer, 0, sizeof(c.answer));
	close(fds[0]);
	if (waitpid(pid, &c.status, 0) != pid)
		exit(125);
	return c;
}

/* Ends the line that names the test: how its process ended, or else that. */
static void verdict(const struct child *c, const char *otherwise)
{
	if (WIFSIGNALED(c->status))
		printf("FAIL signal %d\n", WTERMSIG(c->status));
	else if (WEXITSTATUS(c->status))
		printf("FAIL status %d\n", WEXITSTATUS(c->status));
	else
		printf("%s\n", otherwise);
	fflush(stdout);
}

#endif /* BPFSHIM_SELFTESTS_CHILD_H */
