package cli

// helpText fits 80 columns and one screen.
const helpText = `tap-greenhouse reads Greenhouse (Harvest v3) and speaks Singer and Airbyte.
First steps:
  tap-greenhouse demo                          try it without an account
  tap-greenhouse init --config config.json     ask for the credential and try it
  tap-greenhouse pipe --config config.json --state state.json -- target-jsonl

Singer:  tap-greenhouse --config FILE [flags]
  --config FILE       the config; - for standard input, ENV for the environment
  --catalog FILE      what to read; default: all streams selected by default
  --state FILE        the state of the last run
  --discover [--probe]  print the catalog; deselect streams out of reach
  --test[=schema]     read one record of each stream, or print only schemas
  --refresh STREAM, --verify  read it from the start; compare what was delivered
  --report FILE       write a report of the run, .html or .json
  --log-level debug|info|warning|error, --log-format text|json
  --about [--format json|markdown|text], --version

Commands:
  init        ask for the credential, try it, and write the config
  pipe        sync into a loader, and keep its state: pipe [flags] -- LOADER
  plan, status    what runs will cost; how far each stream is
  scopes      list the scopes that streams need; --probe: what is granted
  privacy, contract    what leaves Greenhouse, by column; the agreed schema
  deletes     show what is known of a stream's rows: deletes show STREAM
  spec, check, discover, read    the commands of an Airbyte source
  demo, sandbox    sync from a built-in Harvest v3 of made-up rows; serve it
  completion  print a completion script for bash, zsh or fish

COMMAND --help shows the flags of a command; --about, all settings.
Exit codes: 0 done, 1 a stream failed, 2 nothing was read, 130/143 stopped.
`
