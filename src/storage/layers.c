/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The layers of an image: from the highest one by their parents to the lowest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/storage_priv.h"

static const json_t *find_in(const json_t *layers, const char *id)
{
	json_t *layer;
	size_t i;

	json_array_foreach(layers, i, layer)
	{
		const char *own = json_string_value(json_object_get(layer, "id"));

		if (own && strcmp(own, id) == 0)
			return layer;
	}
	return NULL;
}

static const json_t *find_in_store(const struct storage_store *store, const char *id)
{
	const json_t *layer = find_in(store->layers, id);

	return layer ? layer : find_in(store->volatile_layers, id);
}

/* In the store of the image or another one of the same driver: the layers of an image can rest on
 * those of an additional store. */
static const json_t *find_layer_store(const struct cfs_storage *s, const char *id,
				      size_t *store)
{
	const json_t *layer = find_in_store(&s->stores[s->store], id);

	*store = s->store;
	for (size_t i = 0; !layer && i < s->n_stores; i++) {
		if (strcmp(s->stores[i].driver, s->stores[s->store].driver) != 0)
			continue;
		layer = find_in_store(&s->stores[i], id);
		*store = i;
	}
	return layer;
}

static int add_stored_layer(struct cfs_storage *s, size_t *cap, const char *id,
			    size_t store, struct cfs_err *err)
{
	if (s->n_layers == CFS_OCI_LAYERS_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d layers",
				CFS_OCI_LAYERS_MAX);
	if (cfs_grow(&s->layers, cap, s->n_layers + 1, sizeof(*s->layers)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	s->layers[s->n_layers].store = store;
	snprintf(s->layers[s->n_layers].id, sizeof(s->layers[0].id), "%s", id);
	s->n_layers++;
	return 0;
}

static void reverse_layers(struct cfs_storage *s)
{
	for (size_t i = 0; i < s->n_layers / 2; i++) {
		struct storage_layer_id low = s->layers[i];

		s->layers[i] = s->layers[s->n_layers - 1 - i];
		s->layers[s->n_layers - 1 - i] = low;
	}
}

/* A parent that leads back to a layer ends at the limit of add_stored_layer. */
int storage_find_layers(struct cfs_storage *s, struct cfs_err *err)
{
	const char *id = s->top;
	size_t cap = 0;

	while (id && *id) {
		size_t store;
		const json_t *layer;
		int rc;

		if (!storage_is_id(id))
			return cfs_fail(err, EINVAL,
					"layers.json: parent: expected %d hex digits, "
					"got \"%.80s\"",
					STORAGE_ID_LEN, id);
		layer = find_layer_store(s, id, &store);
		if (!layer)
			return cfs_fail(err, ENOENT, "layers.json: no layer %s", id);
		rc = add_stored_layer(s, &cap, id, store, err);
		if (rc < 0)
			return rc;
		id = json_string_value(json_object_get(layer, "parent"));
	}
	reverse_layers(s);
	return 0;
}
