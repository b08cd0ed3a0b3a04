/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts up, reaches its snapshot point, and prints what it was given and has drawn, before and
 * after. Ends with 3.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static unsigned long early; /* drawn at start-up */
static unsigned started;
static char wanted[64] = "none";

static unsigned long draw(void)
{
	unsigned long v = 0;
	return getentropy(&v, sizeof(v)) < 0 ? 0 : v;
}

static void say(int argc, char **argv)
{
	struct timespec now;
	char text[64] = "none";
	int fd = open("/here/text", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 4] = '\0';
	const char *v = getenv("V");
	clock_gettime(CLOCK_REALTIME, &now);
	printf("argument=%s variable=%s text=%s init=%s started=%u "
	       "early=%lx random=%lx time=%lld\n",
	       argc > 1 ? argv[1] : "-", v ? v : "-", text, wanted, started, early, draw(),
	       (long long)now.tv_sec);
}

static void start_up(void)
{
	early = draw();
	started++;
}

int main(int argc, char **argv)
{
	char line[100] = "";
	const char *how = argc > 1 ? argv[1] : "";
	start_up();
	if (strncmp(how, "moment-", 7) != 0) {
		say(argc, argv);
		return 3;
	}
	printf("starting up\n");
	fflush(stdout);
	fprintf(stderr, "on both\n");
	if (strcmp(how, "moment-exit") == 0)
		return 5;
	if (strcmp(how, "moment-abort") == 0)
		abort();
	if (strcmp(how, "moment-loop") == 0)
		for (;;)
			__asm__ volatile("");
	if (strcmp(how, "moment-file") == 0 && open("/here/text", O_RDONLY) < 0)
		return 6;
	if (strcmp(how, "moment-poll") == 0) {
		struct pollfd p = {.fd = 0, .events = POLLIN};
		if (poll(&p, 1, -1) != 1)
			return 7;
	}
	if (strcmp(how, "moment-open") == 0)
		(void)!open("/here/ready", O_RDONLY);
	while (fgets(line, sizeof(line), stdin))
		printf("line=%s", line);
	say(argc, argv);
	return 3;
}

#ifdef WIZER /* constructors and state first, then main in each start */
extern void __wasm_call_ctors(void);
extern int __main_void(void);

__attribute__((export_name("wizer.initialize"))) void wizer_initialize(void)
{
	__wasm_call_ctors();
	struct stat st;
	snprintf(wanted, sizeof(wanted), "%s", stat("/here/text", &st) == 0 ? "file" : "nothing");
	start_up();
	fprintf(stderr, "initialised\n");
}

__attribute__((export_name("wizer.resume"))) void wizer_resume(void)
{
	started += 10;
	exit(__main_void());
}

__attribute__((export_name("bad"))) int bad(int v)
{
	return v;
}

__attribute__((export_name("trap"))) void trap(void)
{
	__builtin_trap();
}
#endif
