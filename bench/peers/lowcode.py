"""A low-code source of Airbyte's CDK for Greenhouse, for comparison: its manifest is made from our
stream files.

usage: lowcode.py spec | check --config FILE | discover --config FILE | read --config FILE --catalog FILE
       lowcode.py catalog      prints a configured catalog of every stream"""

import glob
import json
import os
import sys

FILES = os.path.join(os.path.dirname(__file__), "..", "..", "schemas", "*.json")

REQUESTER = {
    "type": "HttpRequester",
    "url_base": "{{ config['api_url'] }}",
    "authenticator": {
        "type": "SessionTokenAuthenticator",
        "expiration_duration": "PT1H",
        "session_token_path": ["access_token"],
        "login_requester": {
            "type": "HttpRequester", "url_base": "{{ config['auth_url'] }}", "path": "", "http_method": "POST",
            "authenticator": {"type": "BasicHttpAuthenticator", "username": "{{ config['client_id'] }}", "password": "{{ config['client_secret'] }}"},
            "request_body_data": {"grant_type": "client_credentials"},
        },
        "request_authentication": {"type": "Bearer"},
    },
    "error_handler": {
        "type": "DefaultErrorHandler",
        "max_retries": 10,
        "backoff_strategies": [{"type": "WaitTimeFromHeader", "header": "Retry-After"}],
    },
}


def stream(s):
    retriever = {
        "type": "SimpleRetriever",
        "requester": {
            **REQUESTER, "path": s["path"],
            "request_parameters": {k: "{{ '%s' if not next_page_token else '' }}" % v for k, v in {"per_page": 500, **s.get("params", {})}.items()},
        },
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": []}},
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestPath"},
            "pagination_strategy": {"type": "CursorPagination", "cursor_value": "{{ headers['link']['next']['url'] }}", "stop_condition": "{{ not headers['link']['next'] }}"},
        },
    }
    if passes := s.get("passes"):
        key = next(iter(passes[0]))
        retriever["partition_router"] = {"type": "ListPartitionRouter", "cursor_field": key, "values": [p[key] for p in passes]}
        retriever["requester"]["request_parameters"][key] = "{{ stream_partition['%s'] if not next_page_token else '' }}" % key
    return {"type": "DeclarativeStream", "name": s["stream"], "primary_key": s["key"], "retriever": retriever,
            "schema_loader": {"type": "InlineSchemaLoader", "schema": s["schema"]}}


def manifest():
    files = [json.load(open(path)) for path in sorted(glob.glob(FILES))]
    keys = ("client_id", "client_secret", "api_url", "auth_url")
    return {
        "version": "7.0.0", "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["users"]},
        "concurrency_level": {"type": "ConcurrencyLevel", "default_concurrency": 8},
        "streams": [stream(s) for s in files if "view_of" not in s and "path" in s],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "required": list(keys), "properties": {k: {"type": "string"} for k in keys}}},
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["catalog"]:
        print(json.dumps({"streams": [{
            "stream": {"name": s["name"], "json_schema": s["schema_loader"]["schema"], "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"} for s in manifest()["streams"]]}))
        sys.exit()
    from airbyte_cdk.entrypoint import AirbyteEntrypoint, launch
    from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

    config = getattr(AirbyteEntrypoint.parse_args(sys.argv[1:]), "config", None)
    source = ConcurrentDeclarativeSource(catalog=None, config=json.load(open(config)) if config else None, state=None, source_config=manifest())
    launch(source, sys.argv[1:])
