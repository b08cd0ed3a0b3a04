/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One to four changes of a document: members and elements added, copied, renamed, removed, their
 * values changed.
 */
#include "json_mutator.h"

#include "mutate.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4200, COPIES_MAX = 300 };

struct document {
	struct mutate m;
	json_t *root;
	const char *const *words;
	uint32_t word_count;
};

static const char *word(struct document *d)
{
	return d->words[mutate_below(&d->m, d->word_count)];
}

/* How many containers there are below a value, itself included. */
static uint32_t containers(const json_t *value)
{
	uint32_t n = json_is_object(value) || json_is_array(value);
	const char *key;
	json_t *member;
	size_t i;
	json_object_foreach((json_t *)(uintptr_t)value, key, member) n += containers(member);
	json_array_foreach(value, i, member) n += containers(member);
	return n;
}

/* The nth of them; borrowed. */
static json_t *container(json_t *value, uint32_t *n)
{
	const char *key;
	json_t *member, *found = NULL;
	size_t i;
	if ((json_is_object(value) || json_is_array(value)) && (*n)-- == 0)
		return value;
	json_object_foreach(value, key, member) if (!found) found = container(member, n);
	json_array_foreach(value, i, member) if (!found) found = container(member, n);
	return found;
}

static json_t *some_container(struct document *d)
{
	uint32_t count = containers(d->root), n = count ? mutate_below(&d->m, count) : 0;
	return count ? container(d->root, &n) : NULL;
}

/* A word, two of them, a long row, or bytes. */
static json_t *new_text(struct document *d)
{
	char text[TEXT_MAX + 1] = "";
	size_t len;
	switch (mutate_below(&d->m, 8)) {
	case 0:
		len = 1 + mutate_below(&d->m, TEXT_MAX);
		memset(text, 'a' + (int)mutate_below(&d->m, 26), len);
		return json_stringn(text, len);
	case 1:
		strcpy(text, word(d));
		strcat(text, word(d));
		return json_string(text);
	case 2:
		strcpy(text, word(d));
		len = LLVMFuzzerMutate((uint8_t *)text, strlen(text), 64);
		return json_stringn(text, len);
	default:
		return json_string(word(d));
	}
}

static json_t *new_value(struct document *d, int depth)
{
	json_t *value;
	switch (mutate_below(&d->m, depth < 3 ? 9 : 6)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(mutate_below(&d->m, 2));
	case 2:
		return json_integer((json_int_t)mutate_number(&d->m));
	case 3:
		return json_real((double)mutate_number(&d->m) / 8);
	case 6:
		value = json_array();
		for (uint32_t n = mutate_below(&d->m, 4); n > 0; n--)
			json_array_append_new(value, new_value(d, depth + 1));
		return value;
	case 7:
	case 8:
		value = json_object();
		for (uint32_t n = mutate_below(&d->m, 4); n > 0; n--)
			json_object_set_new(value, word(d), new_value(d, depth + 1));
		return value;
	default:
		return new_text(d);
	}
}

/* The value with something changed; the old one is borrowed. */
static json_t *changed(struct document *d, const json_t *old)
{
	if (json_is_integer(old) && mutate_below(&d->m, 2))
		return json_integer(
			(json_int_t)mutate_near(&d->m, (uint64_t)json_integer_value(old)));
	if (json_is_boolean(old) && mutate_below(&d->m, 4))
		return json_boolean(!json_is_true(old));
	if (!json_is_string(old) || mutate_below(&d->m, 4) == 0)
		return new_value(d, 0);
	char text[TEXT_MAX + 1];
	size_t len = json_string_length(old);
	if (len > TEXT_MAX - 64 || mutate_below(&d->m, 3) == 0)
		return new_text(d);
	memcpy(text, json_string_value(old), len);
	len = LLVMFuzzerMutate((uint8_t *)text, len, len + 64);
	json_t *value = json_stringn(text, len);
	return value ? value : new_text(d); /* where it is UTF-8 no more */
}

static void change_object(struct document *d, json_t *object)
{
	size_t count = json_object_size(object);
	uint32_t what = mutate_below(&d->m, 8);
	void *at = json_object_iter(object);
	for (uint32_t n = count ? mutate_below(&d->m, (uint32_t)count) : 0; n > 0; n--)
		at = json_object_iter_next(object, at);
	if (!at || what == 0) {
		json_object_set_new(object, word(d), new_value(d, 0));
	} else if (what == 1) {
		json_object_del(object, json_object_iter_key(at));
	} else if (what == 2) {
		json_t *value = json_incref(json_object_iter_value(at));
		json_object_del(object, json_object_iter_key(at));
		json_object_set_new(object, word(d), value);
	} else if (what == 3) { /* from elsewhere in the document */
		json_t *from = some_container(d);
		json_object_set_new(object, word(d), json_deep_copy(from));
	} else {
		json_object_iter_set_new(object, at, changed(d, json_object_iter_value(at)));
	}
}

static void change_array(struct document *d, json_t *array)
{
	size_t count = json_array_size(array);
	size_t i = count ? mutate_below(&d->m, (uint32_t)count) : 0;
	uint32_t what = mutate_below(&d->m, 6);
	if (count == 0 || what == 0) {
		json_array_append_new(array, new_value(d, 0));
	} else if (what == 1) {
		json_array_remove(array, i);
	} else if (what == 2) { /* the same again, seldom many times */
		uint32_t copies = mutate_below(&d->m, 16) ? 1 : mutate_below(&d->m, COPIES_MAX);
		for (; copies > 0 && json_array_size(array) < 2UL * COPIES_MAX; copies--)
			json_array_append_new(array, json_deep_copy(json_array_get(array, i)));
	} else {
		json_array_set_new(array, i, changed(d, json_array_get(array, i)));
	}
}

static void change(struct document *d)
{
	json_t *at = some_container(d);
	if (json_is_object(at))
		change_object(d, at);
	else
		change_array(d, at);
}

/* A document that is none, or does not fit any more, is changed by its bytes. */
size_t json_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed,
		   const char *const *words)
{
	struct document d = {.m = mutate_from(seed), .words = words};
	while (words[d.word_count])
		d.word_count++;
	d.root = mutate_below(&d.m, 32) ? json_loadb((const char *)data, size, 0, NULL) : NULL;
	if (!d.root)
		return LLVMFuzzerMutate(data, size, max_size);
	for (uint32_t left = 1 + mutate_below(&d.m, 4); left > 0; left--)
		change(&d);
	size_t now = json_dumpb(d.root, (char *)data, max_size, JSON_COMPACT);
	json_decref(d.root);
	return now && now <= max_size ? now : LLVMFuzzerMutate(data, size, max_size);
}
