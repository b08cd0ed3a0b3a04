/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/linux/net/route.h"

#include "guest/linux/net/files.h"
#include "guest/linux/net/interface.h"
#include "guest/linux/net/sockets.h"
#include "guest/linux/state.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* <sys/socket.h>, <linux/route.h>, <linux/ipv6_route.h> */
enum {
	AF_UNSPEC = 0,
	AF_INET = 2,
	AF_BRIDGE = 7,
	AF_INET6 = 10,
	MSG_DONTWAIT = 0x40,
	MSG_NOSIGNAL = 0x4000
};
#define ROUTE_GATEWAY  2U
#define ROUTE_REJECT   0x200U
#define ROUTE_ADDRCONF 0x40000U
#define ROUTE_ANYCAST  0x100000U
#define ROUTE_LOCAL    0x80000000U

/*
 * Sizes: of one datagram, so that readers with a buffer of a page get it whole, of one message, of
 * the list of IPv4 addresses.
 */
enum { DATAGRAM_MAX = 3072, MESSAGE_MAX = 1024, ADDRESSES_MAX = 1024 };

/* --- the answer --- */

static struct {
	const struct netlink *to;
	uint32_t seq;
	uint16_t flags; /* of each message */
	int64_t error;
	uint32_t len;
	_Alignas(8) uint8_t bytes[DATAGRAM_MAX];
	uint32_t message_len;
	_Alignas(8) uint8_t message[MESSAGE_MAX];
} answer;

static void flush(void)
{
	const struct mote_iovec v = {.base = (uint64_t)answer.bytes, .len = answer.len};
	int64_t rc = 0;
	if (answer.len)
		rc = mote_send(mote_area(), answer.to->other, &v, 1, MSG_DONTWAIT | MSG_NOSIGNAL,
			       NULL);
	if (rc < 0)
		answer.error = -ENOBUFS;
	answer.len = 0;
}

static void append(const void *from, uint32_t bytes)
{
	const uint32_t padded = (bytes + 3) & ~3U;
	if (padded > MESSAGE_MAX - answer.message_len)
		return;
	memcpy(answer.message + answer.message_len, from, bytes);
	memset(answer.message + answer.message_len + bytes, 0, padded - bytes);
	answer.message_len += padded;
}

static void begin(uint16_t type, const void *body, uint32_t bytes)
{
	const struct nlmsghdr h = {
		.nlmsg_type = type,
		.nlmsg_flags = answer.flags,
		.nlmsg_seq = answer.seq,
		.nlmsg_pid = answer.to->port,
	};
	answer.message_len = 0;
	append(&h, sizeof(h));
	append(body, bytes);
}

static void attribute(uint16_t type, const void *value, uint32_t bytes)
{
	const struct rtattr a = {.rta_len = (uint16_t)(sizeof(a) + bytes), .rta_type = type};
	if (sizeof(a) + bytes + 3 > MESSAGE_MAX - answer.message_len)
		return;
	append(&a, sizeof(a));
	append(value, bytes);
}

static void attribute_word(uint16_t type, uint32_t value)
{
	attribute(type, &value, sizeof(value));
}

static void attribute_byte(uint16_t type, uint8_t value)
{
	attribute(type, &value, sizeof(value));
}

static void attribute_string(uint16_t type, const char *value)
{
	attribute(type, value, (uint32_t)strlen(value) + 1);
}

static void end_of(uint32_t bytes)
{
	memcpy(answer.message, &bytes, sizeof(bytes));
	if (answer.message_len > DATAGRAM_MAX - answer.len)
		flush();
	memcpy(answer.bytes + answer.len, answer.message, answer.message_len);
	answer.len += answer.message_len;
}

static void end(void)
{
	end_of(answer.message_len);
}

/* --- interfaces --- */

/* The kernel's struct rtnl_link_stats64, by the columns of /proc/net/dev. */
static void put_counters(const struct net_link *l)
{
	const uint64_t *c = l->counters;
	const struct rtnl_link_stats64 all = {
		.rx_bytes = c[0],
		.rx_packets = c[1],
		.rx_errors = c[2],
		.rx_dropped = c[3],
		.rx_fifo_errors = c[4],
		.rx_frame_errors = c[5],
		.rx_compressed = c[6],
		.multicast = c[7],
		.tx_bytes = c[8],
		.tx_packets = c[9],
		.tx_errors = c[10],
		.tx_dropped = c[11],
		.tx_fifo_errors = c[12],
		.collisions = c[13],
		.tx_carrier_errors = c[14],
		.tx_compressed = c[15],
	};
	struct rtnl_link_stats words;
	const uint64_t *from = (const uint64_t *)&all;
	uint32_t *to = (uint32_t *)&words;
	for (size_t i = 0; i < sizeof(words) / sizeof(*to); i++)
		to[i] = (uint32_t)from[i];
	attribute(IFLA_STATS64, &all, sizeof(all));
	attribute(IFLA_STATS, &words, sizeof(words));
}

/* <linux/if.h>: IF_OPER_* */
static uint8_t state_of(const struct net_link *l)
{
	if (l->type == NET_IS_LOOPBACK)
		return 0;
	return l->flags & NET_LOWER_UP ? 6 : 2;
}

static void put_link(const struct net_link *l)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255}, none[6];
	const struct ifinfomsg body = {
		.ifi_type = l->type,
		.ifi_index = l->index,
		.ifi_flags = l->flags,
	};
	begin(RTM_NEWLINK, &body, sizeof(body));
	attribute_string(IFLA_IFNAME, l->name);
	attribute_word(IFLA_TXQLEN, l->queue);
	attribute_byte(IFLA_OPERSTATE, state_of(l));
	attribute_byte(IFLA_LINKMODE, 0);
	attribute_word(IFLA_MTU, l->mtu);
	if (l->address_len)
		attribute(IFLA_ADDRESS, l->address, l->address_len);
	if (l->type == NET_IS_ETHERNET)
		attribute(IFLA_BROADCAST, all, sizeof(all));
	if (l->type == NET_IS_LOOPBACK)
		attribute(IFLA_BROADCAST, none, sizeof(none));
	put_counters(l);
	end();
}

static void dump_links(void)
{
	struct net_link l;
	const int32_t fd = net_ask_open();
	net_links_open();
	while (net_links_next(&l))
		if (net_link_describe(fd, &l))
			put_link(&l);
	net_ask_close(fd);
}

/* The value of an attribute of a request, NULL if it is not there. */
static const void *find_attribute(const uint8_t *at, uint32_t bytes, uint16_t type, uint32_t *len)
{
	while (bytes >= sizeof(struct rtattr)) {
		struct rtattr a;
		memcpy(&a, at, sizeof(a));
		if (a.rta_len < sizeof(a) || a.rta_len > bytes)
			return NULL;
		*len = a.rta_len - (uint32_t)sizeof(a);
		if ((a.rta_type & NLA_TYPE_MASK) == type)
			return at + sizeof(a);
		const uint32_t step = (uint32_t)min_u64((a.rta_len + 3UL) & ~3UL, bytes);
		at += step;
		bytes -= step;
	}
	return NULL;
}

static int64_t get_link(const uint8_t *body, uint32_t bytes)
{
	struct ifinfomsg asked;
	struct net_link l;
	char wanted[16] = "";
	uint32_t len = 0;
	if (bytes < sizeof(asked))
		return -EINVAL;
	memcpy(&asked, body, sizeof(asked));
	const void *name = find_attribute(body + sizeof(asked), bytes - (uint32_t)sizeof(asked),
					  IFLA_IFNAME, &len);
	if (name)
		memcpy(wanted, name, min_u64(len, sizeof(wanted) - 1));
	if (asked.ifi_index <= 0 && !wanted[0])
		return -EINVAL;
	const int32_t fd = net_ask_open();
	bool found = false;
	net_links_open();
	while (!found && net_links_next(&l))
		found = net_link_describe(fd, &l) &&
			(asked.ifi_index > 0 ? l.index == asked.ifi_index
					     : strcmp(l.name, wanted) == 0);
	net_ask_close(fd);
	if (!found)
		return -ENODEV;
	put_link(&l);
	return 0;
}

/* --- addresses --- */

static struct address {
	char label[16];
	uint32_t index, local, peer, broadcast, mask;
} addresses[ADDRESSES_MAX];
static uint32_t address_count;

static uint32_t ask_address(int32_t fd, uint32_t request, const struct mote_interface *of)
{
	struct mote_interface i = *of;
	uint32_t value = 0;
	if (net_ask(fd, request, &i) == 0)
		memcpy(&value, i.data + (request == NET_ASK_INDEX ? 0 : 4), sizeof(value));
	return value;
}

/* Of IPv4. */
static void find_addresses(void)
{
	static struct mote_interface list[ADDRESSES_MAX];
	const int32_t fd = net_ask_open();
	int64_t bytes = net_ask_list(fd, list, sizeof(list));
	address_count = 0;
	if (bytes == sizeof(list) && net_ask_list(fd, NULL, 0) > bytes)
		answer.error = -ENOBUFS;
	for (int64_t i = 0; i < bytes / (int64_t)sizeof(list[0]); i++) {
		struct address *a = &addresses[address_count++];
		memcpy(a->label, list[i].name, sizeof(a->label));
		memcpy(&a->local, list[i].data + 4, sizeof(a->local));
		a->index = ask_address(fd, NET_ASK_INDEX, &list[i]);
		a->peer = ask_address(fd, NET_ASK_PEER, &list[i]);
		a->broadcast = ask_address(fd, NET_ASK_BROADCAST, &list[i]);
		a->mask = ask_address(fd, NET_ASK_MASK, &list[i]);
	}
	net_ask_close(fd);
}

static uint8_t prefix_of(uint32_t mask)
{
	uint8_t bits = 0;
	for (; mask; mask &= mask - 1)
		bits++;
	return bits;
}

/* As tools that set addresses choose it. */
static uint8_t scope_of(uint32_t local)
{
	if ((local & 0xff) == 127) /* the first byte of four */
		return RT_SCOPE_HOST;
	return RT_SCOPE_UNIVERSE;
}

/* An earlier address of the interface is of the same network. */
static bool is_secondary(uint32_t at)
{
	const struct address *a = &addresses[at];
	for (uint32_t i = 0; i < at; i++)
		if (addresses[i].index == a->index && addresses[i].mask == a->mask &&
		    !((addresses[i].peer ^ a->peer) & a->mask))
			return true;
	return false;
}

static void put_lifetime(void)
{
	const struct ifa_cacheinfo for_good = {.ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX};
	attribute(IFA_CACHEINFO, &for_good, sizeof(for_good));
}

static void put_address(uint32_t at)
{
	const struct address *a = &addresses[at];
	struct ifaddrmsg body = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = prefix_of(a->mask),
		.ifa_flags = IFA_F_PERMANENT,
		.ifa_scope = scope_of(a->local),
		.ifa_index = a->index,
	};
	if (is_secondary(at))
		body.ifa_flags |= IFA_F_SECONDARY;
	begin(RTM_NEWADDR, &body, sizeof(body));
	attribute_word(IFA_ADDRESS, a->peer);
	attribute_word(IFA_LOCAL, a->local);
	if (a->broadcast)
		attribute_word(IFA_BROADCAST, a->broadcast);
	attribute_string(IFA_LABEL, a->label);
	attribute_word(IFA_FLAGS, body.ifa_flags);
	put_lifetime();
	end();
}

/* Sixteen bytes of 32 digits. */
static void get_bytes(uint8_t to[16], const char *digits)
{
	memset(to, 0, 16);
	for (int i = 0; digits && i < 16 && digits[2 * i] && digits[2 * i + 1]; i++) {
		const char byte[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
		to[i] = (uint8_t)net_hex(byte);
	}
}

static uint8_t scope_of_ipv6(uint64_t scope)
{
	if (scope & 0x10)
		return RT_SCOPE_HOST;
	if (scope & 0x20)
		return RT_SCOPE_LINK;
	if (scope & 0x40)
		return RT_SCOPE_SITE;
	return RT_SCOPE_UNIVERSE;
}

/* A line of if_inet6: address, index, prefix, scope, flags, name. */
static void put_address_of_ipv6(char *line, uint32_t index)
{
	uint8_t address[16];
	get_bytes(address, net_word(&line));
	struct ifaddrmsg body = {.ifa_family = AF_INET6};
	body.ifa_index = (uint32_t)net_hex(net_word(&line));
	body.ifa_prefixlen = (uint8_t)net_hex(net_word(&line));
	body.ifa_scope = scope_of_ipv6(net_hex(net_word(&line)));
	body.ifa_flags = (uint8_t)net_hex(net_word(&line));
	if (index && index != body.ifa_index)
		return;
	begin(RTM_NEWADDR, &body, sizeof(body));
	attribute(IFA_ADDRESS, address, sizeof(address));
	put_lifetime();
	attribute_word(IFA_FLAGS, body.ifa_flags);
	end();
}

/* index: 0, or of one interface. */
static void dump_addresses(uint8_t family, uint32_t index)
{
	if (family != AF_INET6)
		find_addresses();
	for (uint32_t i = 0; family != AF_INET6 && i < address_count; i++)
		if (!index || addresses[i].index == index)
			put_address(i);
	if (family == AF_INET)
		return;
	net_lines_open(MOTE_NET_if_inet6);
	for (char *line = net_lines_next(); line; line = net_lines_next())
		put_address_of_ipv6(line, index);
}

/* --- routes --- */

static uint32_t index_of(const char *name)
{
	struct mote_interface i = {0};
	const int32_t fd = net_ask_open();
	uint32_t index = 0;
	if (name)
		memcpy(i.name, name, strnlen(name, sizeof(i.name) - 1));
	if (net_ask(fd, NET_ASK_INDEX, &i) == 0)
		memcpy(&index, i.data, sizeof(index));
	net_ask_close(fd);
	return index;
}

/* The address that the kernel made a network's route for, 0: none. */
static uint32_t source_of(uint32_t index, uint32_t network, uint32_t mask)
{
	for (uint32_t i = 0; i < address_count; i++)
		if (addresses[i].index == index && addresses[i].mask == mask &&
		    (addresses[i].peer & mask) == network)
			return addresses[i].local;
	return 0;
}

/* A line of route: Iface Destination Gateway Flags RefCnt Use Metric Mask. */
static void put_route(char *line)
{
	char *words[8] = {0};
	for (int i = 0; i < 8; i++)
		words[i] = net_word(&line);
	if (!words[7])
		return;
	const uint32_t index = index_of(words[0]), network = (uint32_t)net_hex(words[1]);
	const uint32_t gateway = (uint32_t)net_hex(words[2]), flags = (uint32_t)net_hex(words[3]);
	const uint32_t metric = (uint32_t)net_decimal(words[6]), mask = (uint32_t)net_hex(words[7]);
	uint32_t source = 0;
	struct rtmsg body = {
		.rtm_family = AF_INET,
		.rtm_dst_len = prefix_of(mask),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	if (flags & (ROUTE_GATEWAY | ROUTE_REJECT))
		body.rtm_scope = RT_SCOPE_UNIVERSE;
	if (flags & ROUTE_REJECT)
		body.rtm_type = RTN_UNREACHABLE;
	else if (!(flags & ROUTE_GATEWAY))
		source = source_of(index, network, mask);
	if (source)
		body.rtm_protocol = RTPROT_KERNEL;
	begin(RTM_NEWROUTE, &body, sizeof(body));
	attribute_word(RTA_TABLE, RT_TABLE_MAIN);
	if (body.rtm_dst_len)
		attribute_word(RTA_DST, network);
	if (metric)
		attribute_word(RTA_PRIORITY, metric);
	if (source)
		attribute_word(RTA_PREFSRC, source);
	if (flags & ROUTE_GATEWAY)
		attribute_word(RTA_GATEWAY, gateway);
	if (index)
		attribute_word(RTA_OIF, index);
	end();
}

static void judge_route_of_ipv6(struct rtmsg *to, const uint8_t network[16], uint32_t flags)
{
	to->rtm_table = RT_TABLE_MAIN;
	to->rtm_protocol = RTPROT_KERNEL;
	to->rtm_scope = RT_SCOPE_UNIVERSE;
	to->rtm_type = RTN_UNICAST;
	if (flags & ROUTE_LOCAL)
		to->rtm_type = RTN_LOCAL;
	else if (flags & ROUTE_ANYCAST)
		to->rtm_type = RTN_ANYCAST;
	else if (network[0] == 255)
		to->rtm_type = RTN_MULTICAST;
	else if (flags & ROUTE_REJECT)
		to->rtm_type = RTN_UNREACHABLE;
	else if (flags & ROUTE_ADDRCONF)
		to->rtm_protocol = RTPROT_RA;
	else if (flags & ROUTE_GATEWAY)
		to->rtm_protocol = RTPROT_BOOT;
	if (to->rtm_type == RTN_LOCAL || to->rtm_type == RTN_ANYCAST ||
	    to->rtm_type == RTN_MULTICAST)
		to->rtm_table = RT_TABLE_LOCAL;
}

/*
 * A line of ipv6_route: destination and its prefix, source and its prefix, gateway, metric, two
 * counters, flags, name. The last of the table, which only says that there are no more, is no
 * route.
 */
static void put_route_of_ipv6(char *line, uint8_t table)
{
	char *words[10] = {0};
	uint8_t network[16], gateway[16];
	for (int i = 0; i < 10; i++)
		words[i] = net_word(&line);
	const uint32_t flags = (uint32_t)net_hex(words[8]), metric = (uint32_t)net_hex(words[5]);
	if (!words[9] || ((flags & ROUTE_REJECT) && metric == UINT32_MAX))
		return;
	get_bytes(network, words[0]);
	get_bytes(gateway, words[4]);
	struct rtmsg body = {.rtm_family = AF_INET6, .rtm_dst_len = (uint8_t)net_hex(words[1])};
	judge_route_of_ipv6(&body, network, flags);
	if (table && table != body.rtm_table)
		return;
	begin(RTM_NEWROUTE, &body, sizeof(body));
	attribute_word(RTA_TABLE, body.rtm_table);
	if (body.rtm_dst_len)
		attribute(RTA_DST, network, sizeof(network));
	attribute_word(RTA_PRIORITY, metric);
	if (flags & ROUTE_GATEWAY)
		attribute(RTA_GATEWAY, gateway, sizeof(gateway));
	attribute_word(RTA_OIF, index_of(words[9]));
	end();
}

/* table: 0, or one. */
static void dump_routes(uint8_t family, uint8_t table)
{
	if (family != AF_INET6 && (!table || table == RT_TABLE_MAIN)) {
		find_addresses();
		net_lines_open(MOTE_NET_route);
		(void)!net_lines_next();
		for (char *line = net_lines_next(); line; line = net_lines_next())
			put_route(line);
	}
	if (family == AF_INET)
		return;
	net_lines_open(MOTE_NET_ipv6_route);
	for (char *line = net_lines_next(); line; line = net_lines_next())
		put_route_of_ipv6(line, table);
}

/* --- requests --- */

/* What a strict request asks for alone: NETLINK_GET_STRICT_CHK. */
static uint32_t filter_of(const struct nlmsghdr *h, const uint8_t *body, uint32_t bytes)
{
	struct ifaddrmsg address;
	struct rtmsg route;
	if (h->nlmsg_type == RTM_GETADDR && bytes >= sizeof(address)) {
		memcpy(&address, body, sizeof(address));
		return address.ifa_index;
	}
	if (h->nlmsg_type == RTM_GETROUTE && bytes >= sizeof(route)) {
		memcpy(&route, body, sizeof(route));
		return route.rtm_table;
	}
	return 0;
}

static void dump(const struct nlmsghdr *h, const uint8_t *body, uint32_t bytes)
{
	const uint32_t only = answer.to->strict ? filter_of(h, body, bytes) : 0;
	int32_t error;
	answer.flags = NLM_F_MULTI;
	if (only)
		answer.flags |= NLM_F_DUMP_FILTERED;
	if (h->nlmsg_type == RTM_GETLINK && body[0] != AF_BRIDGE)
		dump_links();
	else if (h->nlmsg_type == RTM_GETADDR)
		dump_addresses(body[0], only);
	else if (h->nlmsg_type == RTM_GETROUTE)
		dump_routes(body[0], (uint8_t)only);
	error = (int32_t)answer.error;
	answer.flags = NLM_F_MULTI;
	begin(NLMSG_DONE, &error, sizeof(error));
	end();
}

/* 1: what is to be said has been said; else an error, or 0. */
static int64_t carry_out(const struct nlmsghdr *h, const uint8_t *body, uint32_t bytes)
{
	enum { KIND_GET = 2 };
	if (h->nlmsg_type > RTM_MAX)
		return -EOPNOTSUPP;
	if (bytes < sizeof(struct rtgenmsg))
		return 0;
	if ((h->nlmsg_type & 3) != KIND_GET)
		return -EPERM;
	if (h->nlmsg_type != RTM_GETLINK && h->nlmsg_type != RTM_GETADDR &&
	    h->nlmsg_type != RTM_GETROUTE)
		return -EOPNOTSUPP;
	if (h->nlmsg_flags & NLM_F_DUMP) {
		dump(h, body, bytes);
		return 1;
	}
	if (h->nlmsg_type == RTM_GETLINK)
		return get_link(body, bytes);
	return -EOPNOTSUPP;
}

/* Of the message itself an error has all, unless the socket wants it short. */
static void acknowledge(const struct nlmsghdr *h, const uint8_t *body, int64_t rc)
{
	struct nlmsgerr said = {.error = (int32_t)rc, .msg = *h};
	const bool whole = rc < 0 && !answer.to->acks_are_short;
	const uint32_t bytes = h->nlmsg_len - (uint32_t)sizeof(*h);
	flush(); /* it comes by itself */
	answer.flags = whole ? 0 : NLM_F_CAPPED;
	begin(NLMSG_ERROR, &said, sizeof(said));
	if (whole)
		append(body, (uint32_t)min_u64(bytes, MESSAGE_MAX - 128));
	end();
}

void route_answer(const struct netlink *n, const struct nlmsghdr *h, const uint8_t *body)
{
	int64_t rc = 0;
	answer.to = n;
	answer.seq = h->nlmsg_seq;
	answer.flags = 0;
	answer.error = 0;
	answer.len = 0;
	if ((h->nlmsg_flags & NLM_F_REQUEST) && h->nlmsg_type >= NLMSG_MIN_TYPE)
		rc = carry_out(h, body, h->nlmsg_len - (uint32_t)sizeof(*h));
	if (rc < 0 || (rc == 0 && (h->nlmsg_flags & NLM_F_ACK)))
		acknowledge(h, body, rc);
	flush();
}
