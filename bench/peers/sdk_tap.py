"""A minimal Greenhouse tap of the Singer SDK, for comparison: every stream of our catalog, each
read to its last page, as the SDK does it by itself.

usage: sdk_tap.py --config FILE; takes the same config as tap-greenhouse."""

import functools
import glob
import json
import os

from requests.auth import HTTPBasicAuth
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator, SingletonMeta
from singer_sdk.pagination import HeaderLinkPaginator

FILES = os.path.join(os.path.dirname(__file__), "..", "..", "schemas", "*.json")


class Auth(OAuthAuthenticator, metaclass=SingletonMeta):
    """One token for all streams."""

    @property
    def oauth_request_body(self):
        return {"grant_type": "client_credentials"}

    def update_access_token(self):
        self._session.auth = HTTPBasicAuth(self.client_id, self.client_secret)
        super().update_access_token()


class Stream(RESTStream):
    replication_key = None
    records_jsonpath = "$[*]"

    @property
    def url_base(self):
        return self.config["api_url"]

    @functools.cached_property
    def authenticator(self):
        return Auth(auth_endpoint=self.config["auth_url"], client_id=self.config["client_id"], client_secret=self.config["client_secret"])

    @property
    def partitions(self):
        return self.passes

    def get_new_paginator(self):
        return HeaderLinkPaginator()

    def get_url_params(self, context, next_page_token):
        if next_page_token:
            return next_page_token.query
        return {"per_page": 500, **self.params, **(context or {})}


def streams():
    for path in sorted(glob.glob(FILES)):
        with open(path) as f:
            s = json.load(f)
        if "view_of" not in s and "path" in s:
            yield type(s["stream"], (Stream,), {
                "name": s["stream"], "path": s["path"], "schema": s["schema"], "primary_keys": tuple(s["key"]),
                "params": s.get("params", {}), "passes": s.get("passes"),
            })


class Greenhouse(Tap):
    name = "tap-greenhouse-sdk"
    config_jsonschema = th.PropertiesList(*(th.Property(k, th.StringType, required=True) for k in ("client_id", "client_secret", "api_url", "auth_url"))).to_dict()

    def discover_streams(self):
        return [stream(self) for stream in streams()]


Greenhouse.cli()
