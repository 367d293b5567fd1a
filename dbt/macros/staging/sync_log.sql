{# The columns of sync_log, the trace that each run of the tap leaves; not everyone loads it. #}
{% macro schema_of_sync_log() %}
  {{ return({
    'id': 'text', 'run_id': 'text', 'stream': 'text', 'started_at': 'time', 'ended_at': 'time', 'status': 'text',
    'reason': 'text', 'records': 'integer', 'gone': 'integer', 'repaired': 'integer', 'pages': 'integer',
    'requests': 'integer', 'retries': 'integer', 'bytes': 'integer', 'seconds': 'number', 'complete_until': 'time',
    'verified_until': 'time', 'verified_rows': 'integer', 'verified_id_sum': 'text', 'tap_version': 'text',
    'organization_id': 'integer', 'organization_name': 'text',
  }) }}
{% endmacro %}

