package wire

var requiredMembers = map[string][]string{}
var operations = map[string][]string{}
