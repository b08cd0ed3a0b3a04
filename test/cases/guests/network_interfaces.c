/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ioctl(2) and /proc/net tell of the network, by a user without capabilities.
 *
 * cases: mote --net
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "show.h"

static const struct {
	const char *name;
	unsigned long request;
} questions[] = {
#define QUESTION(request) {#request, request},
	QUESTION(SIOCGIFINDEX) QUESTION(SIOCGIFFLAGS) QUESTION(SIOCGIFADDR) QUESTION(SIOCGIFDSTADDR)
		QUESTION(SIOCGIFBRDADDR) QUESTION(SIOCGIFNETMASK) QUESTION(SIOCGIFHWADDR)
			QUESTION(SIOCGIFMTU) QUESTION(SIOCGIFMETRIC) QUESTION(SIOCGIFTXQLEN)
				QUESTION(SIOCGIFMAP) QUESTION(SIOCGIFNAME) QUESTION(SIOCSIFFLAGS)
					QUESTION(SIOCSIFADDR) QUESTION(SIOCSIFMTU)
						QUESTION(SIOCSIFHWADDR) QUESTION(SIOCADDRT)
							QUESTION(SIOCSARP)};

static void ask(int fd, const char *name, int index)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct ifreq r = {0};
		strcpy(r.ifr_name, name);
		if (questions[i].request == SIOCGIFNAME)
			r.ifr_ifindex = index;
		int rc = ioctl(fd, questions[i].request, &r);
		printf("%s %s: %s %s", name, questions[i].name, rc ? strerrorname_np(errno) : "0",
		       r.ifr_name);
		for (size_t k = 0; rc == 0 && k < 24; k++)
			printf(" %02x", ((unsigned char *)&r)[16 + k]);
		printf("\n");
	}
}

static void ask_all(int fd)
{
	struct ifreq list[64] = {0};
	struct ifconf c = {.ifc_len = sizeof(list), .ifc_req = list};
	SAY(ioctl(fd, SIOCGIFCONF, &c));
	printf("%d bytes\n", c.ifc_len);
	for (int i = 0; i < c.ifc_len / (int)sizeof(list[0]); i++)
		printf("%s %08x\n", list[i].ifr_name,
		       ((struct sockaddr_in *)&list[i].ifr_addr)->sin_addr.s_addr);
	for (int i = 0; i < c.ifc_len / (int)sizeof(list[0]); i++)
		ask(fd, list[i].ifr_name, i + 1);
	ask(fd, "lo", 1);
	ask(fd, "none0", 9999);
	c.ifc_req = NULL;
	SAY(ioctl(fd, SIOCGIFCONF, &c));
	printf("%d bytes\n", c.ifc_len);
	c = (struct ifconf){.ifc_len = 79, .ifc_req = list};
	SAY(ioctl(fd, SIOCGIFCONF, &c));
	printf("%d bytes\n", c.ifc_len);
	c.ifc_len = -1;
	SAY(ioctl(fd, SIOCGIFCONF, &c));
	SAY(ioctl(fd, SIOCGIFCONF, (void *)8));
	SAY(ioctl(fd, SIOCGIFINDEX, (void *)8));
}

/* Those that do not change by themselves, in pieces of some sizes. */
static void read_file(const char *path)
{
	static const size_t sizes[] = {1, 7, 100, 4000, 100000};
	static char text[100000];
	int fd = open(path, O_RDONLY);
	printf("%s: %d\n", path, fd < 0 ? errno : 0);
	for (size_t i = 0; fd >= 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len = 0;
		lseek(fd, 0, SEEK_SET);
		for (ssize_t n = 1; n > 0 && len + sizes[i] <= sizeof(text); len += (size_t)n)
			n = read(fd, text + len, sizes[i]);
		printf("in pieces of %zu: %zu bytes\n%.*s", sizes[i], len, (int)len, text);
	}
	close(fd);
}

int main(void)
{
	const int families[] = {AF_INET, AF_INET6, AF_UNIX};
	int pipes[2];
	SAY(setresuid(1000, 1000, 1000));
	for (int i = 0; i < 3; i++)
		ask_all(socket(families[i], SOCK_DGRAM, 0));
	ask_all(socket(AF_INET, SOCK_STREAM, 0));
	SAY(pipe(pipes));
	SAY(ioctl(pipes[0], SIOCGIFCONF, NULL));
	SAY(ioctl(99, SIOCGIFCONF, NULL));
	read_file("/proc/net/route");
	read_file("/proc/self/net/if_inet6");
	read_file("/proc/thread-self/net/igmp6");
	SAY(open("/proc/net/dev", O_RDWR));
	return 0;
}
