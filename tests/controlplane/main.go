// Controlplane is kube-apiserver with its etcd inside: one program, for tests only.
//
// It takes every flag of kube-apiserver and one more, --etcd-data-dir. Nothing that it stores outlives it: it ends, and
// removes that directory, as soon as its standard input is closed, so it never outlives whoever holds the other end.
package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
	_ "time/tzdata" // time zones of CronJob, as the upstream program has them

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // metrics of the client library
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const etcdStartTimeout = 20 * time.Second

func main() {
	command := app.NewAPIServerCommand()
	dataDir := command.Flags().String("etcd-data-dir", "", "empty directory for the embedded etcd; removed at the end")
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if *dataDir == "" {
			return fmt.Errorf("--etcd-data-dir is missing")
		}
		go endWithStandardInput(*dataDir)
		endpoint, err := startEtcd(*dataDir)
		if err != nil {
			return fmt.Errorf("etcd: %w", err)
		}
		return command.Flags().Set("etcd-servers", endpoint)
	}
	code := cli.Run(command)
	end(*dataDir, code)
}

// endWithStandardInput ends the program without grace: no one is left to whom an orderly shutdown would matter.
func endWithStandardInput(dataDir string) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	end(dataDir, 0)
}

func end(dataDir string, code int) {
	if dataDir != "" {
		_ = os.RemoveAll(dataDir)
	}
	os.Exit(code)
}

// startEtcd returns the URL of a ready etcd on a free loopback port. It never syncs to disk.
func startEtcd(dataDir string) (string, error) {
	freePort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config := embed.NewConfig()
	config.Dir = dataDir
	config.ListenClientUrls, config.AdvertiseClientUrls = freePort, freePort
	config.ListenPeerUrls, config.AdvertisePeerUrls = freePort, freePort
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.EnableGRPCGateway = false // it would dial the port as configured, which is 0
	config.LogLevel = "error"
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return "http://" + etcd.Clients[0].Addr().String(), nil
	case err := <-etcd.Err():
		return "", err
	case <-time.After(etcdStartTimeout):
		return "", fmt.Errorf("not ready after %s", etcdStartTimeout)
	}
}
