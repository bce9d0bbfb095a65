// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
// Uses libcomposefs from C++: makes an image in memory, loads it again and lists what it says.
//
//     c++ walk-image.cc $(pkg-config --cflags --libs composefs) && ./a.out
//
// Prints: / 40755; /etc 40755; /etc/hostname -> name; /etc/name 100644 "box"
#include <cerrno>
#include <iomanip>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <libcomposefs/lcfs-erofs.h>
#include <libcomposefs/lcfs-mount.h>
#include <libcomposefs/lcfs-writer.h>

using Node = std::unique_ptr<lcfs_node_s, decltype(&lcfs_node_unref)>;

static void check(bool good, const char *what)
{
	if (!good)
		throw std::system_error(errno, std::generic_category(), what);
}

static Node make(uint32_t mode)
{
	Node node(lcfs_node_new(), lcfs_node_unref);

	check(node != nullptr, "node");
	lcfs_node_set_mode(node.get(), mode);
	return node;
}

// Only success hands the reference over to the parent.
static lcfs_node_s *add(lcfs_node_s *dir, const char *name, uint32_t mode)
{
	Node node = make(mode);

	check(lcfs_node_add_child(dir, node.get(), name) == 0, name);
	return node.release();
}

static ssize_t append(void *file, void *buf, size_t count)
{
	auto bytes = static_cast<const uint8_t *>(buf);
	auto image = static_cast<std::vector<uint8_t> *>(file);

	image->insert(image->end(), bytes, bytes + count);
	return static_cast<ssize_t>(count);
}

static std::vector<uint8_t> make_image()
{
	Node root = make(S_IFDIR | 0755);
	lcfs_node_s *etc = add(root.get(), "etc", S_IFDIR | 0755);
	lcfs_node_s *name = add(etc, "name", S_IFREG | 0644);
	lcfs_node_s *link = add(etc, "hostname", S_IFLNK | 0777);
	std::vector<uint8_t> image;
	lcfs_write_options_s options = {};

	check(lcfs_node_set_content(name, reinterpret_cast<const uint8_t *>("box"), 3) == 0, "name");
	check(lcfs_node_set_symlink_payload(link, "name") == 0, "hostname");
	options.max_version = LCFS_DEFAULT_VERSION_MAX;
	options.file = &image;
	options.file_write_cb = append;
	check(lcfs_write_to(root.get(), &options) == 0, "write");
	return image;
}

static void list(lcfs_node_s *node, const std::string &path, std::vector<std::string> &lines)
{
	std::ostringstream line;

	line << (path.empty() ? "/" : path) << ' ';
	if (S_ISLNK(lcfs_node_get_mode(node)))
		line << "-> " << lcfs_node_get_payload(node);
	else
		line << std::oct << lcfs_node_get_mode(node);
	if (const uint8_t *content = lcfs_node_get_content(node))
		line << " \"" << std::string(content, content + lcfs_node_get_size(node)) << '"';
	lines.push_back(line.str());
	for (size_t i = 0; i < lcfs_node_get_n_children(node); i++) {
		lcfs_node_s *child = lcfs_node_get_child(node, i);

		list(child, path + '/' + lcfs_node_get_name(child), lines);
	}
}

int main()
try {
	std::vector<uint8_t> image = make_image();
	Node root(lcfs_load_node_from_image(image.data(), image.size()), lcfs_node_unref);
	std::vector<std::string> lines;

	check(root != nullptr, "load");
	list(root.get(), "", lines);
	for (size_t i = 0; i < lines.size(); i++)
		std::cout << (i ? "; " : "") << lines[i];
	std::cout << '\n';
	return 0;
} catch (const std::exception &error) {
	std::cerr << error.what() << '\n';
	return 1;
}
