package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/certs"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/kubeconfig"
)

// validity: nobody renews the certificates of a local cluster.
const validity = 10 * 365 * 24 * time.Hour

// identities are what to make certificates for.
type identities struct {
	Folder   string   // of kubeconfigs; certificates go to pki below it
	Node     string   // name
	Address  string   // of the node
	Endpoint string   // host:port of the API server
	Services string   // CIDR
	Names    []string // more of the API server's, addresses included
	Files    []string // kubeadm's own kubeconfigs, by file name
	// Users are those kubeadm doesn't know, by the name of their kubeconfig's file.
	Users map[string]string
}

// certificates reads identities as JSON and makes what kubeadm's phases would make of them, by kubeadm's functions. kubeadm
// itself also joins machines, upgrades and inspects them, and wants a process for each file.
func certificates(from io.Reader) error {
	var wanted identities
	if err := json.NewDecoder(from).Decode(&wanted); err != nil {
		return fmt.Errorf("read what to make certificates for: %w", err)
	}
	config := wanted.config()
	if err := certs.CreatePKIAssets(config); err != nil {
		return err
	}
	for _, name := range wanted.Files {
		if err := kubeconfig.CreateKubeConfigFile(name, wanted.Folder, config); err != nil {
			return err
		}
	}
	for name, user := range wanted.Users {
		var content bytes.Buffer
		if err := kubeconfig.WriteKubeConfigWithClientCert(&content, config, user, nil, time.Now().Add(validity)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(wanted.Folder, name), content.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// config is as kubeadm would have filled in its own. ECDSA keys take milliseconds where RSA takes seconds.
func (i identities) config() *kubeadm.InitConfiguration {
	return &kubeadm.InitConfiguration{
		NodeRegistration: kubeadm.NodeRegistrationOptions{Name: i.Node},
		LocalAPIEndpoint: kubeadm.APIEndpoint{AdvertiseAddress: i.Address, BindPort: 6443},
		ClusterConfiguration: kubeadm.ClusterConfiguration{
			ClusterName:                 "kubernetes",
			CertificatesDir:             filepath.Join(i.Folder, "pki"),
			ControlPlaneEndpoint:        i.Endpoint,
			Networking:                  kubeadm.Networking{ServiceSubnet: i.Services, DNSDomain: "cluster.local"},
			APIServer:                   kubeadm.APIServer{CertSANs: i.Names},
			Etcd:                        kubeadm.Etcd{Local: &kubeadm.LocalEtcd{}},
			EncryptionAlgorithm:         kubeadm.EncryptionAlgorithmECDSAP256,
			CertificateValidityPeriod:   &metav1.Duration{Duration: validity},
			CACertificateValidityPeriod: &metav1.Duration{Duration: validity},
		},
	}
}
