/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is of interfaces: by the host's answers, or without the network a loopback interface
 * that is down, as in a network namespace that nobody has set up.
 */
#ifndef MOTE_GUEST_LINUX_NET_INTERFACE_H
#define MOTE_GUEST_LINUX_NET_INTERFACE_H

#include "guest/linux/state.h"

/*
 * <linux/sockios.h>, <linux/if.h>, <linux/if_arp.h>: headers that tests include next to the C
 * library's.
 */
enum {
	NET_ASK_NAME = 0x8910,
	NET_ASK_LIST = 0x8912,
	NET_ASK_FLAGS = 0x8913,
	NET_ASK_ADDRESS = 0x8915,
	NET_ASK_PEER = 0x8917,
	NET_ASK_BROADCAST = 0x8919,
	NET_ASK_MASK = 0x891b,
	NET_ASK_METRIC = 0x891d,
	NET_ASK_MTU = 0x8921,
	NET_ASK_HARDWARE = 0x8927,
	NET_ASK_INDEX = 0x8933,
	NET_ASK_QUEUE = 0x8942,
	NET_ASK_MAP = 0x8970,
	NET_UP = 1,
	NET_LOOPBACK = 8,
	NET_POINT_TO_POINT = 0x10,
	NET_RUNNING = 0x40,
	NET_LOWER_UP = 0x10000,
	NET_IS_ETHERNET = 1,
	NET_IS_TUNNEL = 768,
	NET_IS_LOOPBACK = 772,
	NET_IS_SIT = 776,
	NET_IS_GRE = 778,
};

struct net_link {
	char name[16];
	int32_t index;
	uint32_t flags, mtu, queue;
	uint16_t type;
	uint8_t address[14], address_len;
	uint64_t counters[16]; /* in the order of /proc/net/dev */
};

/* A socket to ask with, or a negative number, which means the same as without the network. */
int32_t net_ask_open(void);
void net_ask_close(int32_t fd);
/* One of the questions above, as ioctl(2) has it. */
int64_t net_ask(int32_t fd, uint32_t request, struct mote_interface *i);
/* NET_ASK_LIST: the bytes of the array, at most `bytes`; how many there would be if that is 0. */
int64_t net_ask_list(int32_t fd, struct mote_interface *to, uint64_t bytes);

/*
 * Interfaces in the order of /proc/net/dev, which net_lines_open and a call of this have to be on.
 */
void net_links_open(void);
/* Names and counters alone; false: there are no more. */
bool net_links_next(struct net_link *to);
/* The rest, of an interface by its name: false if it is gone. */
bool net_link_describe(int32_t fd, struct net_link *to);

/* ioctl(2) of sockets: -ENOTTY: others than those of the network. */
int64_t net_ioctl(int32_t fd, uint32_t request, uint64_t arg);

#endif
