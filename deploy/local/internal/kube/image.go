package kube

// Names of the cluster's own images, as the manifests have them. pauseImage is the name
// kubelet and containerd expect for this Kubernetes.
const (
	pauseImage     = "registry.k8s.io/pause:3.10.1"
	corednsImage   = "registry.k8s.io/coredns/coredns:" + corednsVersion
	localPathImage = "docker.io/rancher/local-path-provisioner:" + localPathVersion
	helperImage    = "docker.io/library/busybox:local"
)

// imagesArchive is the file of the images part that holds all of them.
const imagesArchive = "images.tar"

// packVersion goes into the key of packed images: raise it when what package imagepack writes changes.
const packVersion = "pack 1"

// Image describes an image from scratch: files of this machine, nothing else. Package imagepack makes it, where there is
// no Docker; here it is only described, because who runs a cluster needn't link what writes images.
type Image struct {
	Name       string            // registry/repository:tag
	Files      map[string]string // absolute path in the image → file here, whose mode is kept
	Links      map[string]string // absolute path in the image → what it points to
	Folders    []string          // absolute paths of empty folders that everybody may write to
	Entrypoint []string
	Env        []string // KEY=value
	User       string   // uid or uid:gid; empty means root
}

// clusterImages are the images of the cluster's own pods.
func clusterImages(tools *Toolbox) []Image {
	return []Image{
		{
			Name: pauseImage, User: "65535:65535", Entrypoint: []string{"/pause"},
			Files: map[string]string{"/pause": tools.file(partPause, "pause")},
		},
		{
			Name: corednsImage, Entrypoint: []string{"/coredns"},
			Files: map[string]string{"/coredns": tools.file(partCoreDNS, "coredns")},
		},
		{
			Name: localPathImage, Entrypoint: []string{"/usr/bin/local-path-provisioner"}, Env: []string{"PATH=/usr/bin"},
			Files: map[string]string{"/usr/bin/local-path-provisioner": tools.file(partLocalPath, "local-path-provisioner")},
		},
		{
			Name: helperImage, Entrypoint: []string{"/bin/sh"}, Env: []string{"PATH=/bin"}, Folders: []string{"/tmp"},
			Files: map[string]string{"/bin/busybox": busyboxPath}, Links: helperLinks(),
		},
	}
}

// helperLinks are the commands that local-path's scripts use, and a few for looking around
// in a namespace by hand.
func helperLinks() map[string]string {
	links := map[string]string{}
	for _, command := range []string{
		"cat", "chmod", "chown", "cp", "date", "dd", "df", "du", "echo", "env", "false", "find", "grep", "head", "hostname",
		"httpd", "id", "ip", "ls", "mkdir", "mv", "nc", "nslookup", "ps", "rm", "sed", "sh", "sleep", "tail", "test",
		"touch", "true", "wc",
	} {
		links["/bin/"+command] = "busybox"
	}
	return links
}
