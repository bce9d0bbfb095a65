/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files for tests. */
#include "tmpdir.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

static char top[PATH_MAX];
static pid_t owner;

/* By rm, which knows how to go deeper than paths can be long. A child that ends early leaves the
 * directory to its parent. */
static void clean(void)
{
	if (top[0] && getpid() == owner) {
		pid_t pid = fork();

		if (pid == 0) {
			execlp("rm", "rm", "-rf", top, (char *)NULL);
			_exit(127);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	top[0] = '\0';
}

void tmp_fresh(void)
{
	const char *tmp = getenv("TMPDIR");

	tmp_fresh_in(tmp ? tmp : "/tmp");
}

void tmp_fresh_in(const char *dir)
{
	if (!owner)
		atexit(clean);
	clean();
	owner = getpid();
	snprintf(top, sizeof(top), "%s/cfs-test-XXXXXX", dir);
	t_ok(mkdtemp(top));
}

const char *tmp_dir(void)
{
	return top;
}

const char *tmp_in(const char *name)
{
	static char buf[4][2 * PATH_MAX];
	static unsigned i;
	char *p = buf[i++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", top, name);
	return p;
}

void tmp_put(const char *name, const void *p, size_t len)
{
	int fd = open(tmp_in(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	t_ok(fd >= 0);
	t_eq(write(fd, p, len), (long long)len);
	close(fd);
}

void tmp_text(const char *name, const char *text)
{
	tmp_put(name, text, strlen(text));
}
