package store

// Audience is who can do something about a reason.
type Audience string

// The audiences. Of ByItself the platform goes on alone.
const (
	ForMerchant Audience = "merchant"
	ForOperator Audience = "operator"
	ByItself    Audience = "nobody"
)

// Explanation is what people are told of a reason, beside the sentence and the cluster's own words that come with it.
type Explanation struct {
	// Means is what is so, and Next what to do about it.
	Means, Next string
	// For is who can do that.
	For Audience
}

// Reasons are all that the platform gives for how a store is: a store's reason is one of these, or one of its pack's failures. docs/reasons.md is
// written from it, and test/static holds the program's own words against it.
var Reasons = map[string]Explanation{
	// What was wanted.
	ReasonCancelled: {
		"The operation was called off by a client.", "Nothing. `retry` does it after all.", ForMerchant,
	},
	"Expired": {
		"The store was made with a lifetime (`ttl`), and its time was over.",
		"Nothing: it is being deleted. A store that is to stay is made without `ttl`, or given another by `PATCH` in time.", ForMerchant,
	},
	"SpecInvalid": {
		"The engine's chart doesn't accept the plan or the options.",
		"The detail names the value. Change it by `PATCH`, or report it to whoever made the pack: the gateway should have refused it.", ForMerchant,
	},
	"QuotaExceeded": {
		"The store's programs need more than its plan allows in its namespace.",
		"Change to a larger plan by `PATCH`. Where the cluster adds containers to every pod, give plans head room (`STORES_SETTINGS`).", ForMerchant,
	},
	"VolumeCannotGrow": {
		"The plan wants larger volumes, and their storage class lets none grow.",
		"Stay on the plan, or make the store anew on a class with `allowVolumeExpansion`.", ForOperator,
	},
	"AddressInvalid": {"The store's address can't be understood.", "Look at `BASE_DOMAIN`.", ForOperator},
	"PlanInvalid": {
		"The sizes of the pack's plan can't be understood.",
		"`store-provisioner engines lint` says which. Mend the pack.", ForOperator,
	},

	// What it waits for.
	"ClusterNotReady": {
		"The cluster can't be reached, or is being built.",
		"It begins by itself as soon as the cluster is there. `GET /readyz` says how far that is.", ByItself,
	},
	"ClusterNotConfigured": {
		"The worker has no cluster yet.",
		"Give the provisioner and the janitor a kubeconfig, or run them in the cluster.", ForOperator,
	},
	"ClusterUnreachable": {
		"The API server doesn't answer.",
		"It goes on when it does. See that it runs, and that the workers' network reaches it.", ForOperator,
	},
	"ClusterBusy": {"The API server asks for patience.", "Nothing: it is tried again, more slowly.", ByItself},
	"ClusterError": {
		"A part of the cluster failed inside, often an admission webhook that doesn't answer.",
		"The detail names it. Mend or remove that webhook; the store is tried again.", ForOperator,
	},
	"ImagesBuilding": {"The images of the engine are being built on this machine.", "It begins when they are there.", ByItself},
	"ImagesNotBuilt": {
		"The engine's images couldn't be built on this machine.",
		"The detail has the build's last words. Mend that; the build is tried again.", ForOperator,
	},
	"EngineNotCarried": {
		"No provisioner that runs carries the store's version of the engine.",
		"While an upgrade goes on it ends by itself. Else run a provisioner whose image has that version.", ForOperator,
	},
	"RightsNotYetKnown": {
		"The cluster has just been told what the platform may do there, and hasn't understood it everywhere.",
		"Nothing: it takes seconds.", ByItself,
	},
	"NamespaceTerminating": {
		"The store's namespace is being removed.",
		"Nothing: the deletion goes on. If it stays so, look for finalizers in the namespace.", ByItself,
	},
	"Stalled": {
		"Nobody had worked on the command for a while, so the sweep has sent it again.",
		"Nothing. Often: see that workers run, and are enough.", ByItself,
	},
	"StrayNamespace": {"Something of a deleted store was found in the cluster.", "Nothing: it is removed once more.", ByItself},

	// Its programs don't come up.
	"ImagePullBackOff": {
		"An image can't be fetched from its registry.",
		"The detail has the registry's words: a name, a network, or credentials (`pullSecrets` in `STORES_SETTINGS`).", ForOperator,
	},
	"ErrImagePull":     {"An image couldn't be fetched from its registry.", "As `ImagePullBackOff`; it is tried again.", ForOperator},
	"InvalidImageName": {"The name of an image is none.", "Mend the pack.", ForOperator},
	"ErrImageNeverPull": {
		"An image may not be fetched and isn't on the node.",
		"Load the images into the cluster (`make images`), or push them to a registry.", ForOperator,
	},
	"ImageInspectError": {"The node can't read an image that it has.", "Look at the node's disk and its container runtime.", ForOperator},
	"CreateContainerConfigError": {
		"A container's configuration refers to something that isn't there, mostly a Secret or a ConfigMap.",
		"`mend` makes what the platform made. What else is missing, the detail names.", ForOperator,
	},
	"CreateContainerError": {"The node couldn't make a container.", "The detail has the runtime's words.", ForOperator},
	"RunContainerError": {
		"The node couldn't start a container: its command isn't there, or its configuration can't be used.",
		"The detail has the runtime's words. Mend the pack, or the option that it came from.", ForOperator,
	},
	"CrashLoopBackOff": {
		"A program of the store starts and ends again and again.",
		"The store's logs say why. An option that the program can't use is changed by `PATCH`; an end by `OOMKilled` wants a larger plan.", ForMerchant,
	},
	"ContainerCreating": {
		"The node is making the containers.",
		"Nothing, unless it stays so: then the pod's events say what it waits for, mostly a volume.", ByItself,
	},
	"PodInitializing": {"The pod's preparations are under way.", "Nothing, unless it stays so.", ByItself},
	"NoPodsYet": {
		"The cluster hasn't begun to start the store's programs.",
		"Nothing, unless it stays so: then the controller manager doesn't work.", ForOperator,
	},
	"PodsNotReady": {
		"A program of the store runs and doesn't say that it is ready.",
		"Mostly it needs longer. Else the store's logs say what it waits for.", ForMerchant,
	},
	"PodsNotEnded": {
		"A program that should have ended hasn't.",
		"A node that is gone keeps its pods: see to it, or remove it from the cluster.", ForOperator,
	},
	"PodsRefused": {
		"The cluster's admission refuses the store's pods.",
		"The detail has its words: a policy, or a webhook.", ForOperator,
	},
	"Unschedulable": {
		"No node has room for the store, or none that it may run on.",
		"Add nodes, or look at the node selector and tolerations in `STORES_SETTINGS`. It starts by itself when there is room.", ForOperator,
	},
	"NoStorageClass": {
		"The cluster has no default storage class, and the platform names none.",
		"Name one in `STORES_SETTINGS`, or make one the default.", ForOperator,
	},
	"VolumeNotMade":  {"The cluster can't make the store's volume.", "The detail has the provisioner's words.", ForOperator},
	"VolumeNotBound": {"A volume of the store isn't there yet.", "Nothing, unless it stays so: then as `VolumeNotMade`.", ByItself},
	"ProgressDeadlineExceeded": {
		"A rollout hasn't come further for long.", "The store's logs and its pods' events say why.", ForOperator,
	},
	"DNSElsewhere": {
		"Nobody is where the platform lets stores ask for names.",
		"Say where the cluster's DNS is (`dns` in `STORES_SETTINGS`).", ForOperator,
	},

	// They run, and the shop isn't well.
	"NotAnswering": {
		"The shop doesn't answer its probe as it should.",
		"The detail says what came instead. Mostly it needs longer; else the store's logs say why.", ForMerchant,
	},
	"RouteNotAnswering": {
		"The shop answers inside the cluster and not by its public address.",
		"Look at the ingress controller, its class (`INGRESS_CLASS_NAME`) and DNS.", ForOperator,
	},
	"WorkloadMissing": {
		"A part that the engine announces isn't in the cluster.",
		"The platform asks for its mend by itself. Of a store that is being made: mend the pack.", ForOperator,
	},

	// Somebody changed it.
	"DriftFound": {
		"Something of the store isn't as it was made.",
		"Nothing: it is put right by a mend. The detail names what it was.", ByItself,
	},
	"TakenBack": {"An operation ended early, and what it had changed until then is taken back.", "Nothing.", ByItself},
	"NamespaceMissing": {
		"The store's namespace isn't there, or isn't labelled as the store's. With it went the data.",
		"Restore the namespace from a backup of the cluster, or delete the store.", ForOperator,
	},
	"NamespaceTaken": {
		"The store's namespace is there and belongs to something else.",
		"Look whose it is. The platform doesn't touch it.", ForOperator,
	},
	"DataMissing": {
		"A volume or Secret that holds the store's data is gone, and isn't made anew empty.",
		"Restore it from a backup of the cluster, or delete the store.", ForOperator,
	},
	"DataLeftOut": {
		"The new version of the chart would leave out something that holds data.",
		"Mend the pack: nothing was changed.", ForOperator,
	},
	"BindingTaken": {"A role binding of the store's name isn't the platform's.", "Remove it.", ForOperator},
	"ClusterAhead": {
		"The namespace knows a command that this log doesn't: the log is an older one than the cluster.",
		"Restore the newer log, or delete the store. The platform changes nothing of it.", ForOperator,
	},

	// The cluster says no.
	"Forbidden": {
		"The cluster doesn't allow what the store needs.",
		"The detail has its words: the platform's roles (`deploy/k8s/access`), a quota, or a policy.", ForOperator,
	},
	"Unauthorized": {"The cluster doesn't accept the platform's credentials.", "Give the workers valid ones.", ForOperator},
	"Invalid": {
		"The cluster doesn't accept what the engine asks for.",
		"The detail names the field. Mend the pack, or change the option that it came from.", ForOperator,
	},
	"KindUnknown": {"The engine needs a kind of object that this Kubernetes doesn't have.", "Install what brings it.", ForOperator},
	"Conflict":    {"Something else changed the same object.", "Nothing: it is tried again.", ByItself},
	"NotFound":    {"A part of the store wasn't there when it was asked for.", "Nothing: it is tried again.", ByItself},

	// The work itself.
	"AttemptsExhausted": {"Every attempt ended with its worker.", "Look at the workers' ends (memory?). Then `retry`.", ForOperator},
	"StepTimeout": {
		"A step took longer than it may.",
		"It is tried again. Often: the cluster is slow, or the pack's time for the step too short.", ByItself,
	},
	"TimedOut":      {"A request to the cluster took too long.", "Nothing: it is tried again.", ByItself},
	"Interrupted":   {"The worker was asked to end.", "Nothing: another goes on.", ByItself},
	"TrustEnded":    {"The worker isn't the store's any more.", "Nothing: another goes on.", ByItself},
	"ReleaseFailed": {"Helm couldn't install the store.", "The detail has its words; it is tried again.", ForOperator},
	"ChartInvalid":  {"The engine's chart can't be used.", "`store-provisioner engines lint` says why. Mend the pack.", ForOperator},
	"ConfigInvalid": {
		"The worker's configuration of the cluster is wrong.",
		"The detail says what. Mend it and start the worker anew.", ForOperator,
	},
	"Panicked": {
		"The platform stumbled over this store.",
		"The worker's log says where: report it. It is tried again.", ForOperator,
	},
	"Unexpected": {"Something went wrong that nobody foresaw.", "The detail has all there is. It is tried again.", ForOperator},
}
