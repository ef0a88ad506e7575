module modelroute-verifier

go 1.26.0

require (
	github.com/cyberphone/json-canonicalization v0.0.0-20241213102144-19d51d7fe467
	github.com/transparency-dev/merkle v0.0.2
	golang.org/x/mod v0.43.0
)
