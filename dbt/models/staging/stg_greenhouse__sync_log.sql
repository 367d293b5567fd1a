{{ config(enabled=var('greenhouse_sync_log', false)) }}
{{ greenhouse_v3.stage('sync_log', greenhouse_v3.schema_of('sync_log')) }}
