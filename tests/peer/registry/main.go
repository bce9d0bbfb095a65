// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later

// A registry in memory with the referrers API, on the port that is the argument: for tests.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	log.SetOutput(os.Stderr)
	handler := registry.New(registry.WithReferrersSupport(true))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], handler))
}
