/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator and a pod's author decide together. */
#include "runtime/container.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define NAME  "\"io.kubernetes.cri.container-name\":\"side\""
#define ASKED "\"io.mote.runtime\":"
#define OWN   "\"io.mote.runtime.side\":"

/* Who runs a container: only the operator's word brings it out of a VM. */
Test(runtime_admission, choose_runtime)
{
	static const struct {
		const char *policy, *annotations;
		int rc;
		enum admission_runtime out;
		const char *part;
	} cases[] = {
		{NULL, "", 0, ADMISSION_VM, ""},
		{"", "", 0, ADMISSION_VM, ""},
		{"refuse", "", 0, ADMISSION_VM, ""},
		{"runc", "", 0, ADMISSION_BY_PROGRAM, ""},
		{"/opt/crun", NAME, 0, ADMISSION_BY_PROGRAM, ""},
		{NULL, ASKED "\"oci\"", -EPERM, 0, "MOTE_OCI_RUNTIME"},
		{"", ASKED "\"oci\"", -EPERM, 0, "the operator of this machine"},
		{"refuse", NAME "," OWN "\"oci\"", -EPERM, 0, "the operator of this machine"},
		{NULL, ASKED "\"vm\"", 0, ADMISSION_VM, ""},
		{"runc", ASKED "\"vm\"", 0, ADMISSION_VM, ""},
		{"runc", ASKED "\"oci\"", 0, ADMISSION_OCI_RUNTIME, ""},
		{"runc", NAME "," ASKED "\"oci\"," OWN "\"vm\"", 0, ADMISSION_VM, ""},
		{"runc", NAME "," OWN "\"oci\"", 0, ADMISSION_OCI_RUNTIME, ""},
		{"runc", "\"io.mote.runtime.other\":\"oci\"," NAME, 0, ADMISSION_BY_PROGRAM, ""},
		{"runc", ASKED "\"runc\"", -EINVAL, 0, "must be oci or vm, not runc"},
		{NULL, ASKED "\"OCI\"", -EINVAL, 0, "must be oci or vm, not OCI"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct oci_spec s = {0};
		struct err e = {0};
		enum admission_runtime out = ADMISSION_VM;
		snprintf(text, sizeof(text),
			 "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},"
			 "\"root\":{\"path\":\"rootfs\"},\"annotations\":{%s}}",
			 cases[i].annotations);
		cr_assert(oci_spec_parse(text, strlen(text), &s, &e) == 0, "%zu: %s", i, e.text);
		int rc = admission_choose_runtime(&s, cases[i].policy, &out, &e);
		cr_expect(rc == cases[i].rc && (rc < 0 || out == cases[i].out) &&
				  strstr(e.text, cases[i].part),
			  "%zu: %d, %d, %s", i, rc, (int)out, e.text);
		oci_spec_free(&s);
	}
}
