/* SPDX-License-Identifier: Apache-2.0 */
/* The documents for the node's OCI runtime, and the errors in its log. */
#include "oci/json.h"
#include "oci/runtime_config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define CONFIG(more)                                                                       \
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{" \
	"\"uid\":7,\"gid\":0}},\"root\":{\"path\":\"rootfs\",\"readonly\":true},"          \
	"\"domainname\":null" more "}"

static struct oci_spec parsed(const char *text)
{
	struct oci_spec s = {0};
	struct err e = {0};
	cr_assert(oci_spec_parse(text, strlen(text), &s, &e) == 0, "%s", e.text);
	return s;
}

static void has(const char *text, const char *part)
{
	cr_expect(strstr(text, part), "%s lacks %s", text, part);
}

/* Its members are as they were, but for the changes. */
Test(oci_runtime_config, changes)
{
	static const char *const inputs[] = {
		CONFIG(",\"linux\":{\"cgroupsPath\":\"a.slice:cri:b\"},\"mounts\":[{"
		       "\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]"),
		CONFIG(""),
	};
	const struct oci_runtime_config changes = {
		.rootfs = "/bundle/rootfs", .cgroup_path = "/a.slice/cri-b", .terminal = true};
	struct err e = {0};
	for (size_t i = 0; i < 2; i++) {
		struct oci_spec s = parsed(inputs[i]);
		char *text;
		const char *const options[] = {"rbind", "rprivate", "ro", NULL};
		const char *bad;
		struct oci_mount m = {.destination = "/etc/hosts",
				      .type = "",
				      .source = "/pod/hosts",
				      .bind = true};
		cr_assert(oci_mount_options(options, &m, &bad) == 0);
		cr_assert(oci_add_mount(&s, &m) == 0);
		cr_assert(oci_runtime_config_text(&s, &changes, &text, &e) == 0, "%s", e.text);
		has(text, "\"path\":\"/bundle/rootfs\"");
		has(text, "\"readonly\":true");
		has(text, "\"cgroupsPath\":\"/a.slice/cri-b\"");
		has(text, "\"terminal\":true");
		has(text, "\"uid\":7");
		has(text, "{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":"
			  "\"/pod/hosts\",\"options\":[\"rbind\",\"rprivate\",\"ro\"]}");
		struct oci_spec again = parsed(text);
		cr_expect(again.mounts_count == s.mounts_count, "%zu: %zu mounts", i,
			  again.mounts_count);
		oci_spec_free(&again);
		free(text);
		/* The spec's own document is not changed. */
		cr_assert(oci_runtime_config_text(&s, &changes, &text, &e) == 0);
		oci_spec_free(&s);
		free(text);
	}
}

Test(oci_runtime_config, process)
{
	static const char process[] = "{\"args\":[\"ls\"],\"cwd\":\"/\",\"terminal\":true,\"x\":1}";
	struct oci_spec s = {0};
	struct err e = {0};
	char *text;
	cr_assert(oci_process_parse(process, strlen(process), &s, &e) == 0, "%s", e.text);
	cr_assert(oci_runtime_process_text(&s, false, &text, &e) == 0, "%s", e.text);
	has(text, "\"terminal\":false");
	has(text, "\"x\":1");
	free(text);
	oci_spec_free(&s);
}

Test(oci_runtime_config, log)
{
	static const struct {
		const char *log, *message;
	} cases[] = {
		{"", NULL},
		{"\n\n", NULL},
		{"nonsense\n{", NULL},
		{"[]\n7\n\"text\"\nnull\n", NULL},
		{"{\"level\":\"info\",\"msg\":\"m\"}\n", NULL},
		{"{\"level\":\"error\"}\n{\"msg\":\"m\"}", NULL},
		{"{\"level\":1,\"msg\":\"m\"}\n{\"level\":\"error\",\"msg\":[]}", NULL},
		{"{\"level\":\"error\",\"msg\":\"m\"}", "m"},
		{"{\"msg\":\"m\",\"level\":\"error\",\"time\":\"now\"}\n", "m"},
		{"{\"level\":\"fatal\",\"msg\":\"of\\nthe \\u001b[1mlog\\u007f\"}",
		 "of?the ?[1mlog?"},
		{"{\"level\":\"error\",\"msg\":\"first\"}\n{\"level\":\"error\",\"msg\":\"last\"}\n"
		 "{\"level\":\"warning\",\"msg\":\"no\"}\nrest",
		 "last"},
		{"{\"level\":\"error\",\"msg\":\"\"}", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *message = NULL;
		int rc = oci_runtime_log_error(cases[i].log, strlen(cases[i].log), &message);
		cr_expect(rc == (cases[i].message ? 0 : -ENOENT), "%zu: %d", i, rc);
		if (cases[i].message && message)
			cr_expect_str_eq(message, cases[i].message, "%zu", i);
		free(message);
	}
}
