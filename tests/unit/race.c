/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Two threads write to one place: a build with the thread sanitizer that lets this pass would let any
 * race pass. */
#include <pthread.h>
#include <stddef.h>

static int contended;

static void *work(void *arg)
{
	for (int i = 0; i < 100000; i++)
		contended++;
	return arg;
}

int main(void)
{
	pthread_t a, b;

	if (pthread_create(&a, NULL, work, NULL) || pthread_create(&b, NULL, work, NULL))
		return 0;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}
