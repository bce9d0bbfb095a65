/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The directory of a store: its lock files, and images.json and layers.json of each driver. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage/storage_priv.h"

/* overlay is the default of podman. */
static const char *const drivers[] = {"overlay", "vfs"};

enum { N_DRIVERS = sizeof(drivers) / sizeof(drivers[0]) };

bool storage_is_id(const char *text)
{
	size_t n = text ? strspn(text, "0123456789abcdef") : 0;

	return n == STORAGE_ID_LEN && !text[n];
}

int storage_store_format_path(char out[STORAGE_PATH_MAX], struct cfs_err *err,
			      const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(out, STORAGE_PATH_MAX, fmt, args);
	va_end(args);
	if (n < 0 || n >= STORAGE_PATH_MAX)
		return cfs_fail(err, ENAMETOOLONG,
				"path: expected at most %d bytes, got %d",
				STORAGE_PATH_MAX - 1, n);
	return 0;
}

void storage_store_close(struct storage_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	free(store->root);
	json_decref(store->images);
	json_decref(store->layers);
	json_decref(store->volatile_layers);
}

/* --- locks -------------------------------------------------------------------------- */

int storage_store_lock(const struct storage_store *store, const char *what,
		       const struct cfs_watch *watch, int *out, struct cfs_err *err)
{
	struct cfs_lock_wait wait = {.timeout_ms = STORAGE_LOCK_MS, .watch = watch};
	char path[STORAGE_PATH_MAX];
	cfs_autofd int fd = -1;
	int rc = storage_store_format_path(path, err, "%s-%s/%s.lock", store->driver,
					   what, what);

	*out = -1;
	if (rc < 0)
		return rc;
	fd = cfs_input_open(store->fd, path, CFS_INPUT_BENEATH, err);
	if (fd == -ENOENT)
		return 0;
	rc = fd < 0 ? fd : cfs_lock_take_record(fd, &wait, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s/%s", store->root, path);
	*out = cfs_steal_fd(&fd);
	return 0;
}

/* --- JSON files --------------------------------------------------------------------- */

/* Parses a list of podman's storage. The store belongs to its user, so the number of
 * values is limited before anything is built of it. */
static int load_list(struct cfs_text text, json_t **out, struct cfs_err *err)
{
	json_error_t why;
	int rc = cfs_json_check_count(text, STORAGE_VALUES_MAX, err);

	if (rc < 0)
		return rc;
	*out = json_loadb(text.s, text.len, JSON_REJECT_DUPLICATES, &why);
	if (!*out)
		return cfs_fail(err, EINVAL, "line %d: %s", why.line, why.text);
	/* Go writes null for an empty list. */
	if (json_is_array(*out) || json_is_null(*out))
		return 0;
	json_decref(cfs_steal(out));
	return cfs_fail(err, EINVAL, "expected a list");
}

/* Reads "DRIVER-DIR/NAME". -ENOENT. */
static int read_list(const struct storage_store *store, const char *dir, const char *name,
		     json_t **out, struct cfs_err *err)
{
	char path[STORAGE_PATH_MAX];
	struct cfs_mem text = {0};
	int rc = storage_store_format_path(path, err, "%s-%s/%s", store->driver, dir,
					   name);

	if (rc == 0)
		rc = cfs_input_read(store->fd, path, CFS_INPUT_BENEATH, STORAGE_JSON_MAX,
				    &text, err);
	if (rc == 0)
		rc = load_list(cfs_mem_text(&text), out, err);
	free(text.p);
	return rc < 0 ? cfs_context(err, rc, "%s/%s", store->root, path) : 0;
}

static int read_layers(struct storage_store *store, const struct cfs_watch *watch,
		       struct cfs_err *err)
{
	cfs_autofd int lock = -1;
	int rc = storage_store_lock(store, "layers", watch, &lock, err);

	if (rc == 0)
		rc = read_list(store, "layers", "layers.json", &store->layers, err);
	if (rc == 0)
		rc = read_list(store, "layers", "volatile-layers.json",
			       &store->volatile_layers, err);
	return rc == -ENOENT ? 0 : rc;
}

/* 1: read; 0: there is no store of this driver. */
static int read_store_images(struct storage_store *store, const struct cfs_watch *watch,
			     struct cfs_err *err)
{
	cfs_autofd int lock = -1;
	int rc = storage_store_lock(store, "images", watch, &lock, err);

	if (rc == 0)
		rc = read_list(store, "images", "images.json", &store->images, err);
	if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : 1;
}

/* --- opening ------------------------------------------------------------------------ */

static bool is_supported(const char *driver)
{
	for (size_t i = 0; i < N_DRIVERS; i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

/* Images first: layers are added before their image, so that layers.json then has them. */
static int open_driver(const struct storage_place *place, int fd, const char *driver,
		       const struct cfs_watch *watch, struct storage_store *out,
		       struct cfs_err *err)
{
	int rc;

	*out = (struct storage_store){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
				      .driver = driver,
				      .root = strdup(place->root)};
	if (out->fd < 0)
		return cfs_fail_errno(err, "%s", place->root);
	if (!out->root)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = read_store_images(out, watch, err);
	if (rc <= 0)
		return rc;
	rc = read_layers(out, watch, err);
	return rc < 0 ? rc : 1;
}

int storage_stores_open(const struct storage_place *place, const struct cfs_watch *watch,
			struct storage_store **stores, size_t *n, size_t *cap,
			struct cfs_err *err)
{
	cfs_autofd int fd = -1;

	if (place->driver && !is_supported(place->driver))
		return cfs_fail(err, ENOTSUP,
				"%s: driver: expected overlay or vfs, got \"%.40s\"",
				place->root, place->driver);
	fd = open(place->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", place->root);
	for (size_t i = 0; i < N_DRIVERS; i++) {
		struct storage_store store;
		int rc;

		if (place->driver && strcmp(place->driver, drivers[i]) != 0)
			continue;
		if (*n == STORAGE_STORES_MAX)
			return cfs_fail(err, EINVAL, "expected at most %d stores",
					STORAGE_STORES_MAX);
		if (cfs_grow(stores, cap, *n + 1, sizeof(store)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		rc = open_driver(place, fd, drivers[i], watch, &store, err);
		if (rc <= 0)
			storage_store_close(&store);
		if (rc < 0)
			return rc;
		if (rc > 0)
			(*stores)[(*n)++] = store;
	}
	return 0;
}
