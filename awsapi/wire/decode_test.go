package wire

import (
	"math"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// every has a member of each kind.
type every struct {
	Text    *string
	Flag    bool
	Small   *int32
	Large   *int64
	Real    *float64
	When    *time.Time
	Raw     []byte
	List    []string
	Structs []every
	Map     map[string]string
	Skipped string `wire:"-"`
}

func TestDecodeJSON_Values(t *testing.T) {
	for _, c := range []struct {
		json string
		want every
		err  string
	}{
		{`{"text":"é\u2028","flag":true}`, every{Text: aws.String("é\u2028"), Flag: true}, ""},
		{`{"Small":2.0,"Large":1e3}`, every{Small: aws.Int32(2), Large: aws.Int64(1000)}, ""},
		{`{"Large":9007199254740993}`, every{Large: aws.Int64(9007199254740993)}, ""},
		{`{"When":1563421494.186}`, every{When: aws.Time(time.Date(2019, 7, 18, 3, 44, 54, 186e6, time.UTC))}, ""},
		{`{"When":1.789551555929E9}`, every{When: aws.Time(time.UnixMilli(1789551555929).UTC())}, ""},
		{`{"When":"2026-11-24T11:00:00Z"}`, every{When: aws.Time(time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC))}, ""},
		{`{"Raw":"Ymxv"}`, every{Raw: []byte("blo")}, ""},
		{`{"List":[],"Map":{}}`, every{List: []string{}, Map: map[string]string{}}, ""},
		{`{"List":null,"Map":{"a":null,"b":"c"},"Text":null}`, every{Map: map[string]string{"b": "c"}}, ""},
		{`{"Structs":[{"Text":"a"},null]}`, every{Structs: []every{{Text: aws.String("a")}, {}}}, ""},
		{`{"Text":"a","Text":"b"}`, every{Text: aws.String("b")}, ""},
		{`{"Small":1.5}`, every{}, "NUMBER_VALUE can not be converted to an Integer (at 'Small')"},
		{`{"Small":1e10}`, every{}, "NUMBER_VALUE can not be converted to an Integer (at 'Small')"},
		{`{"Large":1e400}`, every{}, "NUMBER_VALUE can not be converted to an Integer (at 'Large')"},
		{`{"Real":1e400}`, every{}, "NUMBER_VALUE can not be converted to a Double (at 'Real')"},
		{`{"Real":"NaN"}`, every{}, "STRING_VALUE can not be converted to a Double (at 'Real')"},
		{`{"When":1e30}`, every{}, "NUMBER_VALUE can not be converted to a Timestamp (at 'When')"},
		{`{"When":"yesterday"}`, every{}, "the value is not a timestamp like 2006-01-02T15:04:05Z (at 'When')"},
		{`{"Raw":"???"}`, every{}, "the value is not base64 (at 'Raw')"},
		{`{"Flag":"true"}`, every{}, "STRING_VALUE can not be converted to a Boolean (at 'Flag')"},
		{`{"Map":{"a":1}}`, every{}, "NUMBER_VALUE can not be converted to a String (at 'Map.a')"},
		{`{"Structs":[{"Structs":["x"]}]}`, every{}, "STRING_VALUE can not be converted to a structure (at 'Structs.1.Structs.1')"},
	} {
		var got every
		_, err := DecodeJSON([]byte(c.json), &got)
		if text(err) != c.err || err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v, %s", c.json, got, err, c.want, c.err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestDecodeForm_Values(t *testing.T) {
	for _, c := range []struct {
		form string
		want every
		err  string
	}{
		{"Action=A&Version=V&X-Amz-Date=x&Text=a+b&Flag=true", every{Text: aws.String("a b"), Flag: true}, ""},
		{"Small=5&Real=1.5&When=2026-11-24T11:00:00.5Z", every{Small: aws.Int32(5), Real: aws.Float64(1.5),
			When: aws.Time(time.Date(2026, 11, 24, 11, 0, 0, 5e8, time.UTC))}, ""},
		{"List=", every{List: []string{}}, ""},
		{"List.member=", every{List: []string{}}, ""},
		{"List.member.10=c&List.member.2=b&List.member.1=a", every{List: []string{"a", "b", "c"}}, ""},
		{"List=&List.member.1=a", every{List: []string{"a"}}, ""},
		{"List.1=a&List.2=b", every{List: []string{"a", "b"}}, ""},
		{"Map.entry.1.key=k&Map.entry.1.value=v", every{Map: map[string]string{"k": "v"}}, ""},
		{"Structs.member.1.Structs.member.1.Text=a", every{Structs: []every{{Structs: []every{{Text: aws.String("a")}}}}}, ""},
		{"Text.member.1=a", every{}, "Start of structure or map found where not expected. (at 'Text')"},
		{"List=a", every{}, "STRING_VALUE can not be converted to a list (at 'List')"},
		{"List.member.-1=a", every{}, "Start of structure or map found where not expected. (at 'List')"},
		{"Map.entry.1.value=v", every{}, "Start of structure or map found where not expected. (at 'Map')"},
		{"Flag=yes", every{}, "STRING_VALUE can not be converted to a Boolean (at 'Flag')"},
		{"Small=1.0", every{}, "STRING_VALUE can not be converted to an Integer (at 'Small')"},
		{"Real=NaN", every{}, "STRING_VALUE can not be converted to a Double (at 'Real')"},
	} {
		form, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		var got every
		_, err = DecodeForm(form, &got)
		if text(err) != c.err || err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v, %s", c.form, got, err, c.want, c.err)
		}
	}
}

func TestDecode_NamesWhatItDoesNotKnow(t *testing.T) {
	unknown, err := DecodeJSON([]byte(`{"tags":[{"Key":"a","colour":1}],"shape":2}`), &ecs.CreateClusterInput{})
	if want := []string{"shape", "tags.1.colour"}; err != nil || !reflect.DeepEqual(unknown, want) {
		t.Errorf("got %v, %v, want %v", unknown, err, want)
	}
}

func TestEncode(t *testing.T) {
	v := every{
		Text: aws.String("<é&\"\x01>"), Small: aws.Int32(0), Real: aws.Float64(0.5), When: aws.Time(time.UnixMilli(1563421494186)),
		Raw: []byte("blob"), List: []string{}, Map: map[string]string{"b": "2", "a": "1"}, Skipped: "x",
	}
	j, err := EncodeJSON(&v)
	want := `{"Text":"<é&\"\u0001>","Flag":false,"Small":0,"Real":0.5,"When":1563421494.186,"Raw":"YmxvYg==","List":[],"Map":{"a":"1","b":"2"}}`
	if err != nil || string(j) != want {
		t.Errorf("got  %s, %v\nwant %s", j, err, want)
	}
	x, err := EncodeXML("Do", "urn:x", "id", &v)
	want = `<DoResponse xmlns="urn:x"><DoResult><Text>&lt;é&amp;&#34;` + "\uFFFD" + `&gt;</Text><Flag>false</Flag><Small>0</Small><Real>0.5</Real><When>2019-07-18T03:44:54.186Z</When><Raw>YmxvYg==</Raw><List></List><Map><entry><key>a</key><value>1</value></entry><entry><key>b</key><value>2</value></entry></Map></DoResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>`
	if err != nil || string(x) != want {
		t.Errorf("got  %s, %v\nwant %s", x, err, want)
	}
	if _, err := EncodeJSON(&every{Real: aws.Float64(math.NaN())}); err == nil {
		t.Error("NaN was encoded")
	}
}

func TestEncodeJSON_WritesZeros(t *testing.T) {
	out, err := EncodeJSON(&ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Events: []ecstypes.ServiceEvent{}}}})
	want := `{"services":[{"desiredCount":0,"enableECSManagedTags":false,"enableExecuteCommand":false,"events":[],"pendingCount":0,"runningCount":0}]}`
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, []byte(want), out)
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"family":"web","containerDefinitions":[{"name":"a","cpu":1,"environment":[{"name":"A","value":"B"}]}]}`))
	f.Add([]byte(`{"tags":[null,{}],"volumes":[{"host":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var in ecs.RegisterTaskDefinitionInput
		if _, err := DecodeJSON(body, &in); err != nil {
			return
		}
		check(&in, nil)
		once, err := EncodeJSON(&in)
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		var again ecs.RegisterTaskDefinitionInput
		if _, err := DecodeJSON(once, &again); err != nil {
			t.Fatalf("%s was written as %s, which cannot be read: %v", body, once, err)
		}
		same(t, "second reading", &in, &again)
	})
}

func FuzzDecodeForm(f *testing.F) {
	f.Add("Name=n&Port=80&Matcher.HttpCode=200&Tags.member.1.Key=k&Tags.member.1.Value=v")
	f.Add("Tags=&Tags.member.1=x&Tags.member.1.Key=1")
	f.Fuzz(func(t *testing.T, raw string) {
		form, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		var in elasticloadbalancingv2.CreateTargetGroupInput
		if _, err := DecodeForm(form, &in); err != nil {
			return
		}
		check(&in, nil)
		var again elasticloadbalancingv2.CreateTargetGroupInput
		if _, err := DecodeForm(encodeForm(&in), &again); err != nil {
			t.Fatalf("%s was written as %s, which cannot be read: %v", raw, encodeForm(&in).Encode(), err)
		}
	})
}
