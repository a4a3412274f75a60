package static

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"github.com/store-platform/store-platform/pkg/clock"
	"github.com/store-platform/store-platform/test/internal/repo"
	"github.com/store-platform/store-platform/test/internal/settings"
)

// fixed are settings that have one right value wherever somebody runs the services in this way. Whatever else a service
// takes, an operator can set.
type fixed map[string]string

var (
	fixedInCompose = fixed{
		"LISTEN":             "the file's own ports and EVENTS_URL lead there",
		"OPS_LISTEN":         "the file's own health checks ask there",
		"EVENTS_URL":         "the file's own service",
		"NATS_USER":          "the broker's permissions are by this name",
		"NATS_PASSWORD_FILE": "passwords stand in .env, and who changes one there makes the containers anew",
		"AUTH_OPEN_PUBLIC":   "a container's port is published on its own address; on the machine's it is the loopback's",
		"KUBECONFIG":         "the file's own k3s",
		"BASE_DOMAIN":        "names that every machine resolves to itself, and the port that k3s is published on",
		"STORE_SCHEME":       "the loopback has no certificate",
		"INGRESS_CLASS_NAME": "k3s brings one controller",
		"INGRESS_ADDR":       "k3s brings one controller",
		"INGRESS_NAMESPACE":  "k3s brings one controller",
		"IMAGES":             "only the supervisor of make up builds on demand",
		"BACKUP_URL":         "the network of the file's own broker leads nowhere else, so backups lie in a volume",
	}
	fixedInChart = fixed{
		"NATS_PASSWORD":      "it stands in a Secret, and comes as a file that follows it",
		"NATS_PASSWORD_FILE": "the chart's own mount",
		"LISTEN":             "the chart's own Services and probes lead there",
		"OPS_LISTEN":         "the chart's own probes and network policies lead there",
		"EVENTS_URL":         "the chart's own Service",
		"NATS_USER":          "the broker's permissions are by this name",
		"KUBECONFIG":         "the pod's own account leads to the cluster it runs in",
		"IMAGES":             "only the supervisor of make up builds on demand",
	}
	fixedByMakeUp = fixed{
		"NATS_PASSWORD_FILE": "passwords are made with the installation and never change",
		"NATS_CA_FILE":       "the supervisor's own broker, on the loopback",
		"NATS_CERT_FILE":     "the supervisor's own broker, on the loopback",
		"NATS_KEY_FILE":      "the supervisor's own broker, on the loopback",
		"STREAM_REPLICAS":    "there is one broker",
		"OPS_LISTEN":         "the supervisor sees its processes end, and two workers can't have one address",
	}
)

// ofTests is TEST_CLOCK_DIVISOR, the one setting that no installation which somebody keeps may have: neither chart nor
// compose nor make up knows it.
const ofTests = clock.Variable

// check tells of settings that nobody can set and of reasons that have gone.
func (f fixed) check(t *testing.T, service, variable string, settable bool) {
	t.Helper()
	switch reason, listed := f[variable]; {
	case !settable && !listed:
		t.Errorf("%s of %s can't be set", variable, service)
	case settable && listed:
		t.Errorf("%s of %s can be set, although %s", variable, service, reason)
	}
}

func settingsOf(t *testing.T, service string) map[string]settings.Setting {
	t.Helper()
	taken, err := settings.Of(root(t), service)
	if err != nil {
		t.Fatal(err)
	}
	if len(taken) < 5 {
		t.Errorf("%s takes only %v: are its settings read right?", service, taken)
	}
	delete(taken, ofTests)
	return taken
}

// checkSettings holds variables against the service's Config struct, and its required settings against the variables.
func checkSettings(t *testing.T, service string, variables []string) {
	t.Helper()
	taken := settingsOf(t, service)
	for _, variable := range variables {
		if _, ok := taken[variable]; !ok {
			t.Errorf("%s doesn't take %s", service, variable)
		}
	}
	for variable, setting := range taken {
		if setting.Required && !slices.Contains(variables, variable) {
			t.Errorf("%s needs %s", service, variable)
		}
	}
}

func TestComposeSetsOnlyWhatServicesTake(t *testing.T) {
	p := project(t)
	for _, name := range programs {
		checkSettings(t, name, slices.Collect(maps.Keys(p.Services[name].Environment)))
	}
}

// otherInCompose are values whose default isn't the service's, which is for one's own machine.
var otherInCompose = map[string]string{
	"NATS_URL":   "the file's own broker",
	"PUBLIC_URL": "where the file publishes the gateway",
}

// TestComposeLetsEverySettingBeSet says every variable, also with the service's name before it, and looks at what arrives.
func TestComposeLetsEverySettingBeSet(t *testing.T) {
	// A path, since some are mounted.
	const said = "/said"
	var env []string
	for _, service := range programs {
		for variable := range settingsOf(t, service) {
			env = append(env, variable+"="+said, strings.ToUpper(service)+"_"+variable+"="+said)
		}
	}
	for _, name := range secrets {
		env = append(env, name+"="+said)
	}
	told, err := compose(t, env)
	if err != nil {
		t.Fatalf("load docker-compose.yaml: %v", err)
	}
	untold := project(t)
	for _, service := range programs {
		for variable, setting := range settingsOf(t, service) {
			value := told.Services[service].Environment[variable]
			mounted := value != nil && slices.ContainsFunc(told.Services[service].Volumes, func(v types.ServiceVolumeConfig) bool {
				return v.Source == said && v.Target == *value
			})
			settable := mounted || value != nil && strings.Contains(*value, said)
			fixedInCompose.check(t, service, variable, settable)
			// What nobody has set is the service's to choose, or the same.
			given := untold.Services[service].Environment[variable]
			_, other := otherInCompose[variable]
			if settable && !mounted && !other && given != nil && *given != setting.Default && !strings.Contains(*given, madeUp) {
				t.Errorf("%s of %s is %q where nobody sets it, and the service's default is %q", variable, service, *given, setting.Default)
			}
		}
	}
}

// templated is a variable in a chart's template.
type templated struct {
	// condition stands on the line before it, or before those that it follows, if any; value is what follows "value:", or empty where a Secret holds it.
	condition, value string
}

var (
	variableInTemplate = regexp.MustCompile(`(?m)^(?:[ ]*\{\{-? (?:if|with) (.+) \}\}\n)?[ ]*- name: ([A-Z][A-Z0-9_]+)\n[ ]*value(?:From: .*|: (.*))$`)
	// valueInTemplate finds what is handed on as it is, lists joined and numbers whole.
	valueInTemplate = regexp.MustCompile(`^\{\{ (?:join "," )?\.(?:root\.)?Values\.([A-Za-z.]+) (?:\| int64 )?(?:\| quote )?\}\}$`)
)

// variablesInChart are those of one service's container.
func variablesInChart(t *testing.T, service string) map[string]templated {
	t.Helper()
	text := read(t, "deploy/k8s/templates/_helpers.tpl") + read(t, "deploy/k8s/templates/"+service+".yaml")
	if service != "backup" {
		text += read(t, "deploy/k8s/templates/_service.tpl")
	}
	variables := map[string]templated{}
	condition, before := "", ""
	for _, match := range variableInTemplate.FindAllStringSubmatch(text, -1) {
		if match[1] != "" || !strings.Contains(text, before+"\n"+match[0]) {
			condition = match[1]
		}
		variables[match[2]] = templated{condition: condition, value: match[3]}
		before = match[0]
	}
	return variables
}

func TestChartSetsOnlyWhatServicesTake(t *testing.T) {
	for _, service := range programs {
		checkSettings(t, service, slices.Collect(maps.Keys(variablesInChart(t, service))))
	}
}

func TestChartLetsEverySettingBeSet(t *testing.T) {
	for _, service := range programs {
		variables := variablesInChart(t, service)
		for variable := range settingsOf(t, service) {
			at, given := variables[variable]
			settable := given && (at.value == "" || strings.Contains(at.condition+at.value, "Values."))
			fixedInChart.check(t, service, variable, settable)
		}
	}
}

// otherInChart are values whose default isn't the service's, which is for one's own machine.
var otherInChart = map[string]string{
	"AUTH":            "nobody gets the open mode without asking for it",
	"BASE_DOMAIN":     "refused until it is set",
	"STORE_SCHEME":    "what strangers reach is https",
	"DEMO_ENGINES":    "engines for trials aren't offered to merchants",
	"STREAM_REPLICAS": "three brokers are bundled",
}

func TestChartKeepsTheServicesDefaults(t *testing.T) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "deploy/k8s/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, service := range programs {
		taken := settingsOf(t, service)
		for variable, at := range variablesInChart(t, service) {
			match := valueInTemplate.FindStringSubmatch(at.value)
			if _, other := otherInChart[variable]; match == nil || other {
				continue
			}
			have := any(values)
			for key := range strings.SplitSeq(match[1], ".") {
				branch, _ := have.(map[string]any)
				have = branch[key]
			}
			if text := strings.Trim(fmt.Sprint(have), "[]"); text != taken[variable].Default {
				t.Errorf("%s is %q, and the default of %s in %s is %q", match[1], text, variable, service, taken[variable].Default)
			}
			compared++
		}
	}
	if compared < 10 {
		t.Errorf("only %d values were compared: are the templates read right?", compared)
	}
}

// TestMakeUpLetsEverySettingBeSet: its processes get no environment but what it lists.
func TestMakeUpLetsEverySettingBeSet(t *testing.T) {
	supervisor := read(t, "deploy/local/internal/up/services.go") + read(t, "deploy/local/internal/up/environment.go")
	for _, service := range services {
		for variable := range settingsOf(t, service) {
			fixedByMakeUp.check(t, service, variable, strings.Contains(supervisor, `"`+variable+`"`) || strings.Contains(supervisor, `"`+variable+`=`))
		}
	}
}

func TestNobodyHandsOnWhatIsForTests(t *testing.T) {
	taken, err := settings.Of(root(t), "gateway")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := taken[ofTests]; !ok {
		t.Errorf("the gateway doesn't take %s", ofTests)
	}
	names, err := repo.Files(root(t), "deploy", "scripts", "docker-compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Contains(read(t, name), ofTests) {
			t.Errorf("%s knows of %s", name, ofTests)
		}
	}
}

// Names of what opens something, and of what people write such a thing into. A file's name opens nothing.
var (
	opens    = regexp.MustCompile(`(PASSWORD|KEY|KEYS|SECRET|TOKEN|EMAILS)$`)
	mayCarry = regexp.MustCompile(`(URL|ENDPOINT|ORIGINS)$`)
)

// TestEverySettingSaysWhetherTheLogMayTellIt: the programs print them when they start. Numbers and switches hide nothing.
func TestEverySettingSaysWhetherTheLogMayTellIt(t *testing.T) {
	for _, service := range programs {
		for variable, setting := range settingsOf(t, service) {
			plain := slices.Contains([]string{"bool", "int", "float64", "time.Duration"}, setting.Type)
			switch {
			case plain && setting.Told != "":
				t.Errorf("%s of %s is a %s, which is told whatever its tag says", variable, service, setting.Type)
			case !plain && !slices.Contains([]string{"whole", "url", "never"}, setting.Told):
				t.Errorf(`%s of %s: what may the log tell of it? Decide by told:"whole", "url" or "never"`, variable, service)
			case opens.MatchString(variable) && setting.Told != "never", mayCarry.MatchString(variable) && setting.Told == "whole":
				t.Errorf("%s of %s is told (%s), and by its name there is a secret in it", variable, service, setting.Told)
			}
		}
	}
}
