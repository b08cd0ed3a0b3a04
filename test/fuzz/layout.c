/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the documents of a snapshot's OCI layout. The input is one, as index.json and as the manifest. */
#include "../../api/layout.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char mote_build_id[64] = {0};

int sandbox_report(const struct err *from, struct mote_error *to)
{
	(void)to;
	return -from->code;
}

void mote_snapshot_free(struct mote_snapshot *s)
{
	free(s);
}

static void expect(const json_t *d, const char *type)
{
	struct err e = {0};
	struct blob b;
	char name[100];
	if (take_descriptor(d, type, &b, name, "a document", &e) < 0) {
		if (!e.code || !e.text[0])
			abort();
		return;
	}
	/* A blob's name, and nothing that leads elsewhere. */
	if (strlen(b.digest) != 64 || strncmp(name, BLOBS "/", sizeof(BLOBS)) != 0 || strchr(name + sizeof(BLOBS), '/') ||
	    strchr(name, '.'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size > DOCUMENT_MAX ? NULL : calloc(1, size + 1);
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	expect(json_array_get(json_object_get(root, "manifests"), 0), MANIFEST);
	expect(json_object_get(root, "config"), CONFIG);
	expect(json_array_get(json_object_get(root, "layers"), 0), LAYER);
	json_decref(root);
	free(text);
	return 0;
}
