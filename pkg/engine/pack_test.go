package engine

import (
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

// packYAML is a pack that uses everything the format has; tests change a line of it.
const packYAML = `name: corner
title: Corner shop
tier: stable
version: 1.2.0
description: A shop at the corner.
preference: 5
plans:
  - {name: small, title: Small, cpu: 250m, memory: 64Mi, storage: 1Gi, default: true}
  - {name: large, title: Large, cpu: "1.5", memory: 1Gi, storage: 10Gi}
options:
  - {name: title, title: Title, type: string, required: true, min: 2, max: 5, pattern: "[A-Z].*"}
  - {name: products, title: Products, type: integer, default: 12, min: 1, max: 20}
  - {name: open, title: Open, type: boolean, default: false}
  - {name: currency, title: Currency, type: enum, enum: [EUR, USD], default: EUR, change: restart}
  - {name: slogan, title: Slogan, type: string, change: live}
links:
  - {name: storefront, title: Shop, path: /}
credentials:
  - {name: admin, title: Admin, username: admin, secretKey: admin-password, generate: {length: 20}}
  - {name: signing, title: Key, secretKey: key, internal: true, generate: {length: 64, alphabet: 0123456789abcdef}}
probe: {service: store, port: 80, path: /healthz, status: 200, json: object, fields: {ready: true, version: 2}}
check: {service: store, port: 80, path: /check, causes: [{reason: ShelfFull, message: Nothing more can be kept.}]}
images: {shop: "corner/shop:1.2.0"}
workloads:
  - {kind: Deployment, name: store, progress: Opening, phases: {stock: Filling the shelves}}
suspended: {workload: closed, progress: Closing}
progress: {release: Building}
failures:
  - {container: stock, exitCode: 78, reason: NothingToSell, message: The shelves stay empty.}
components:
  - {name: orders, title: Orders, workload: store, container: shop, backup: [cat, /data], restore: [tee, /data]}
upgrade: {from: [1.1.0]}
sources:
  - {name: goods, setting: GOODS_DIR, description: What is sold.}
`

func folder(yaml string) fstest.MapFS {
	return fstest.MapFS{
		"corner/engine.yaml":              {Data: []byte(yaml)},
		"corner/chart/Chart.yaml":         {Data: []byte("name: corner")},
		"corner/chart/templates/_all.tpl": {Data: []byte("{{/* */}}")},
		"engines.go":                      {Data: []byte("package engines")},
		"testdata/notes":                  {Data: []byte("x")},
		"..data/engine.yaml":              {Data: []byte("x")},
		"lost+found":                      {Mode: fs.ModeDir},
	}
}

func corner(t *testing.T) Pack {
	t.Helper()
	packs, err := Load(folder(packYAML))
	if err != nil {
		t.Fatal(err)
	}
	return packs[0]
}

func TestLoad(t *testing.T) {
	packs, err := Load(folder(packYAML))
	if err != nil || len(packs) != 1 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	pack := packs[0]
	if pack.Options[0].Change != ChangeNever || pack.Options[4].Change != ChangeLive {
		t.Errorf("options change %q and %q", pack.Options[0].Change, pack.Options[4].Change)
	}
	if pack.Name != "corner" || len(pack.Plans) != 2 || len(pack.Options) != 5 || pack.Options[1].Default != int64(12) {
		t.Errorf("%+v", pack)
	}
	content, err := json.Marshal(pack)
	if err != nil {
		t.Fatal(err)
	}
	var again Pack
	if err := json.Unmarshal(content, &again); err != nil {
		t.Fatal(err)
	}
	again.normalize()
	if !reflect.DeepEqual(pack, again) {
		t.Errorf("through JSON it became\n%+v, was\n%+v", again, pack)
	}
}

func TestLoadNamesFileAndFault(t *testing.T) {
	for name, test := range map[string]struct{ old, new, names string }{
		"an unknown key":         {"version:", "vesrion:", "vesrion"},
		"an unknown key deep in": {"cpu: 250m", "cpus: 250m", "cpus"},
		"a wrong type":           {"preference: 5", "preference: high", "high"},
		"a second document":      {"name: corner", "---\n---\nname: corner", "corner/engine.yaml"},
		"another folder's name":  {"name: corner", "name: edge", "edge"},
		"an invalid value":       {"tier: stable", "tier: gold", "tier"},
	} {
		_, err := Load(folder(strings.Replace(packYAML, test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), "corner/engine.yaml") || !strings.Contains(err.Error(), test.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(fstest.MapFS{"corner/engine.yml": {Data: []byte(packYAML)}}); err == nil {
		t.Error("a folder without engine.yaml was taken for none")
	}
}

// faults are what each field may not be, put in the place of what it is.
var faults = map[string][][2]string{
	"name":                             {{"name: corner", "name: Corner"}, {"name: corner", "name: corner-"}},
	"title":                            {{"title: Corner shop", `title: ""`}},
	"version":                          {{"version: 1.2.0", "version: 1+2"}},
	"description":                      {{"description: A shop at the corner.", "description:"}},
	"plans":                            {{", default: true}", "}"}, {"storage: 10Gi", "storage: 10Gi, default: true"}},
	"plans[0].cpu":                     {{"cpu: 250m", "cpu: some"}, {"cpu: 250m", "cpu: -1"}},
	"plans[1].name":                    {{"name: large", "name: small"}},
	"options[0].name":                  {{"name: title,", "name: the-title,"}},
	"options[1].name":                  {{"name: products", "name: title"}},
	"options[0].pattern":               {{"[A-Z].*", "["}, {"[A-Z].*", "a)|(b"}},
	"options[0].default":               {{"required: true", "required: true, default: Abc"}},
	"options[1].default":               {{"default: 12", "default: 21"}, {"default: 12", "default: many"}},
	"options[1].min":                   {{"min: 1, max: 20", "min: 21, max: 20"}},
	"options[2].max":                   {{"type: boolean", "type: boolean, max: 2"}},
	"options[3].enum":                  {{"enum: [EUR, USD]", "enum: []"}},
	"options[3].type":                  {{"type: enum", "type: choice"}},
	"options[3].change":                {{"change: restart", "change: soon"}},
	"options[4].enum":                  {{"type: string, change: live}", "type: string, enum: [a]}"}},
	"links":                            {{"links:\n  - {name: storefront, title: Shop, path: /}", "links: []"}},
	"links[0].path":                    {{"path: /}", "path: //evil.example}"}, {"path: /}", "path: https://evil.example}"}},
	"credentials[0].generate.length":   {{"length: 20", "length: 8"}},
	"credentials[1].generate.alphabet": {{"0123456789abcdef", "aa23456789abcdef"}, {"0123456789abcdef", "ä123456789"}},
	"credentials[1].secretKey":         {{"secretKey: key", "secretKey: admin-password"}},
	"probe":                            {{"json: object, fields: {ready: true, version: 2}", ""}},
	"probe.status":                     {{"status: 200", "status: 302"}},
	"probe.json":                       {{"json: object", "json: objekt"}},
	"probe.fields":                     {{"json: object", "json: array"}},
	"probe.fields.ready":               {{"ready: true", "ready: [true]"}},
	"probe.port":                       {{"port: 80", "port: 0"}},
	"probe.path":                       {{"path: /healthz", "path: healthz"}},
	"check.service":                    {{"check: {service: store", "check: {service: Store"}},
	"check.port":                       {{"port: 80, path: /check", "port: 65536, path: /check"}},
	"check.path":                       {{"path: /check", "path: //check"}},
	"check.causes":                     {{"causes: [{reason: ShelfFull, message: Nothing more can be kept.}]", "causes: []"}},
	"check.causes[0].reason":           {{"reason: ShelfFull", "reason: shelf full"}},
	"check.causes[1].reason":           {{"kept.}]}", "kept.}, {reason: ShelfFull, message: Full.}]}"}},
	"check.causes[0].message":          {{"message: Nothing more can be kept.", `message: ""`}},
	"images":                           {{`{shop: "corner/shop:1.2.0"}`, "{}"}},
	"images.shop":                      {{"corner/shop:1.2.0", "corner/shop"}, {"corner/shop:1.2.0", "Corner shop:1"}},
	"workloads":                        {{"workloads:\n  - {kind: Deployment, name: store, progress: Opening, phases: {stock: Filling the shelves}}", "workloads: []"}},
	"workloads[0].phases.stock":        {{"Filling the shelves", `""`}},
	"suspended.workload":               {{"workload: closed", "workload: Closed"}, {"workload: closed", "workload: store"}, {"workload: closed, ", ""}},
	"failures[0].container":            {{"container: stock", "container: Stock"}},
	"failures[0].exitCode":             {{"exitCode: 78", "exitCode: 0"}, {"exitCode: 78", "exitCode: 137"}},
	"failures[0].reason":               {{"reason: NothingToSell", "reason: nothing to sell"}},
	"failures[0].message":              {{"message: The shelves stay empty.", `message: ""`}},
	"components[0].workload":           {{"workload: store", "workload: database"}},
	"components[0].container":          {{"container: shop", `container: ""`}},
	"components[0].backup":             {{"backup: [cat, /data]", "backup: []"}},
	"components[0].restore":            {{"restore: [tee, /data]", "restore: []"}},
	"upgrade.from[0]":                  {{"from: [1.1.0]", `from: ["1+1"]`}},
	"sources[0].name":                  {{"name: goods", "name: Goods"}},
	"sources[0].setting":               {{"setting: GOODS_DIR", "setting: goods"}},
	"sources[0].description":           {{"description: What is sold.", `description: ""`}},
	"workloads[0].kind":                {{"kind: Deployment", "kind: Job"}},
	"workloads[0].name":                {{"kind: Deployment, name: store", "kind: Deployment, name: Store"}},
}

func TestValidate(t *testing.T) {
	for field, changes := range faults {
		for _, change := range changes {
			faulty(t, field, change[0], change[1])
		}
	}
}

// faulty changes the pack, and expects to be told which field is wrong then.
func faulty(t *testing.T, field, was, is string) {
	t.Helper()
	changed := strings.Replace(packYAML, was, is, 1)
	if changed == packYAML {
		t.Fatalf("%s: %q isn't in the pack", field, was)
	}
	_, err := Load(folder(changed))
	var fault *FieldError
	if !errors.As(err, &fault) || fault.Field != field {
		t.Errorf("%s: %s: %v", field, is, err)
	}
}

func TestPlan(t *testing.T) {
	pack := corner(t)
	for name, want := range map[string]string{"": "small", "small": "small", "large": "large"} {
		if plan, err := pack.Plan(name); err != nil || plan.Name != want {
			t.Errorf("%q: %+v, %v", name, plan, err)
		}
	}
	_, err := pack.Plan("huge")
	var fault *FieldError
	if !errors.As(err, &fault) || fault.Field != "plan" {
		t.Errorf("huge: %v", err)
	}
}

func TestImage(t *testing.T) {
	pack := corner(t)
	for registry, want := range map[string]string{"": "corner/shop:1.2.0", "registry.example:5000/x": "registry.example:5000/x/corner/shop:1.2.0"} {
		if got := pack.Image(registry, "shop"); got != want {
			t.Errorf("%q: %q", registry, got)
		}
	}
	if got := pack.Image("registry.example", "database"); got != "" {
		t.Errorf("an image that isn't there: %q", got)
	}
}

func TestNewSecret(t *testing.T) {
	pack := corner(t)
	first, second := pack.NewSecret(), pack.NewSecret()
	if len(first) != 2 || len(first["admin-password"]) != 20 || len(first["key"]) != 64 {
		t.Fatalf("%d keys", len(first))
	}
	if strings.Trim(string(first["key"]), "0123456789abcdef") != "" ||
		strings.Trim(string(first["admin-password"]), defaultAlphabet) != "" {
		t.Error("characters outside the alphabet")
	}
	if string(first["admin-password"]) == string(second["admin-password"]) {
		t.Error("the same password twice")
	}
}

// What a shop says is told by its pack's words, and by none of its own.
func TestCheckJudge(t *testing.T) {
	check := *corner(t).Check
	for name, test := range map[string]struct {
		status int
		body   string
		cause  string
		well   bool
	}{
		"it sells":                {200, `{"ok":true}`, "", true},
		"it says why not":         {503, `{"ok":false,"cause":"ShelfFull","more":1}`, "ShelfFull", false},
		"a cause of another pack": {503, `{"ok":false,"cause":"<b>Pay here</b>"}`, "", false},
		"no cause":                {503, `{"ok":false}`, "", false},
		"well by its body":        {503, `{"ok":true}`, "", false},
		"well by its status":      {200, `{"ok":false,"cause":"ShelfFull"}`, "", false},
		"a page":                  {200, "<html>ok</html>", "", false},
		"nothing said":            {200, "{}", "", false},
		"an older image's page":   {404, "<html>no such page</html>", "", false},
	} {
		err := check.Judge(test.status, []byte(test.body))
		var cause *CauseError
		var wrong *ProbeError
		switch {
		case test.well != (err == nil), errors.As(err, &cause) != (test.cause != ""), !test.well && test.cause == "" && !errors.As(err, &wrong):
			t.Errorf("%s: %v", name, err)
		case errors.Is(err, ErrNoCheck) != (test.status == 404):
			t.Errorf("%s: that it knows no check: %v", name, err)
		case cause != nil && (cause.Reason != test.cause || cause.Message != "Nothing more can be kept."):
			t.Errorf("%s: %+v", name, cause)
		}
	}
}

func TestProbeCheck(t *testing.T) {
	object := corner(t).Probe
	array := Probe{Path: "/products", Status: 200, JSON: JSONArray}
	text := Probe{Path: "/", Status: 200, Contains: "Welcome"}
	for name, test := range map[string]struct {
		probe  Probe
		status int
		body   string
		well   bool
	}{
		"ready":               {object, 200, `{"ready":true,"version":2,"orders":7}`, true},
		"not ready":           {object, 503, `{"ready":false,"version":2}`, false},
		"ready by status":     {object, 200, `{"ready":false,"version":2}`, false},
		"a field as a text":   {object, 200, `{"ready":"true","version":2}`, false},
		"a field is missing":  {object, 200, `{"ready":true}`, false},
		"a redirect":          {object, 302, `{"ready":true,"version":2}`, false},
		"someone's page":      {object, 200, `<html>ready: true</html>`, false},
		"the wrong kind":      {object, 200, `[]`, false},
		"a torn answer":       {object, 200, `{"ready":true,"vers`, false},
		"an array":            {array, 200, `[]`, true},
		"no array":            {array, 200, `{"code":"no_route"}`, false},
		"the right text":      {text, 200, "<h1>Welcome</h1>", true},
		"another text":        {text, 200, "<h1>Index of /</h1>", false},
		"nothing":             {text, 200, "", false},
		"the right text, 500": {text, 500, "Welcome", false},
	} {
		err := test.probe.Check(test.status, []byte(test.body))
		var fault *ProbeError
		if (err == nil) != test.well || err != nil && !errors.As(err, &fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
