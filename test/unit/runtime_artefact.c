/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle's note of an image whose program is a layer: left over, damaged, of a store that is
 * not there any more.
 */
#include "runtime/monitor/monitor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE   "mote-artefact"
#define DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static char bundle[] = "/tmp/mote-bundle.XXXXXX";
static const char *args[] = {"/program", NULL};
static struct wire_config config;
static struct oci_artefact found;
static struct err e, unasked;

static void setup(void)
{
	cr_assert(mkdtemp(bundle) && chdir(bundle) == 0);
	config = (struct wire_config){.bundle = bundle, .id = "c", .containerd = ""};
	config.containerd_namespace = "ns";
	config.spec.args = args;
	found = (struct oci_artefact){.entry.fd = -1};
}

static void teardown(void)
{
	cr_assert(chdir("/") == 0);
	char name[64];
	snprintf(name, sizeof(name), "%s/" NOTE, bundle);
	unlink(name);
	rmdir(name);
	snprintf(name, sizeof(name), "%s/blobs", bundle);
	rmdir(name);
	cr_assert(rmdir(bundle) == 0);
}

TestSuite(runtime_artefact, .init = setup, .fini = teardown);

static void put_note(const char *text)
{
	int fd = open(NOTE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* What Exec says, whose process's program may be the image's. */
static void exec_fails(const char *note, int code, const char *part)
{
	put_note(note);
	int rc = monitor_find_artefact_again(&config, &found, &e);
	cr_expect(rc == -code, "%s: %d: %s", part, rc, e.text);
	cr_expect(strstr(e.text, part), "'%s' has no '%s'", e.text, part);
	cr_expect(found.entry.fd < 0);
}

Test(runtime_artefact, exec_of_an_ordinary_image)
{
	cr_expect(monitor_find_artefact_again(&config, &found, &e) == 0 && found.entry.fd < 0);
}

Test(runtime_artefact, exec_with_a_note_that_is_damaged)
{
	exec_fails("", EBADMSG, "is not what Mote wrote");
	exec_fails(DIGEST, EBADMSG, "is not what Mote wrote");
	exec_fails(DIGEST "\n/store", EBADMSG, "is not what Mote wrote");
}

Test(runtime_artefact, exec_after_its_image_was_removed)
{
	char note[256];
	exec_fails(DIGEST "\n/no/such/store\n/program", ENOENT,
		   "the container's image: containerd's content store, /no/such/store");
	snprintf(note, sizeof(note), DIGEST "\n%s\n/program", bundle);
	exec_fails(note, ENOENT, "the container's image: ");
}

Test(runtime_artefact, a_note_of_the_bundle_s_last_container_goes)
{
	put_note(DIGEST "\n/store\n/program");
	cr_expect(monitor_find_artefact(&config, &found, &unasked, &e) == 0);
	cr_expect(access(NOTE, F_OK) < 0 && errno == ENOENT);
	cr_assert(mkdir(NOTE, 0700) == 0);
	int rc = monitor_find_artefact(&config, &found, &unasked, &e);
	cr_expect(rc < 0 && strstr(e.text, NOTE " in the bundle"), "%d: %s", rc, e.text);
}

/* It is then a container like any other. */
Test(runtime_artefact, containerd_does_not_answer)
{
	config.containerd = "/no/such.sock";
	cr_expect(monitor_find_artefact(&config, &found, &unasked, &e) == 0 && found.entry.fd < 0);
	cr_expect(strstr(unasked.text, "/no/such.sock"), "%s", unasked.text);
}
