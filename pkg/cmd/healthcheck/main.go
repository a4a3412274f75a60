// Command healthcheck asks a URL and says by its exit status whether the answer was 200. It stands in the services' images,
// which hold no shell and no other client, for container engines that check health from inside.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

const patience = 3 * time.Second

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: healthcheck URL")
		os.Exit(2)
	}
	if err := ask(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "healthcheck:", err)
		os.Exit(1)
	}
}

func ask(url string) error {
	client := http.Client{Timeout: patience}
	reply, err := client.Get(url)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, reply.Status)
	}
	return nil
}
