// Command store-provisioner makes the cluster match what is wanted of each store.
package main

import (
	"github.com/store-platform/store-platform/pkg/config"
	"github.com/store-platform/store-platform/services/provisioner"
)

func main() {
	config.Main("store-provisioner", "Makes the cluster match what is wanted of each store.", &provisioner.Program{})
}
