{% macro type_time() %}{{ return(adapter.dispatch('type_time', 'greenhouse_v3')()) }}{% endmacro %}
{% macro default__type_time() %}{{ return('timestamp') }}{% endmacro %}
{% macro snowflake__type_time() %}{{ return('timestamp_ntz') }}{% endmacro %}
{% macro bigquery__type_time() %}{{ return('datetime') }}{% endmacro %}


{% macro type_json() %}{{ return(adapter.dispatch('type_json', 'greenhouse_v3')()) }}{% endmacro %}
{% macro default__type_json() %}{{ return('json') }}{% endmacro %}
{% macro postgres__type_json() %}{{ return('jsonb') }}{% endmacro %}
{% macro snowflake__type_json() %}{{ return('variant') }}{% endmacro %}


{% macro type_decimal() %}{{ return(adapter.dispatch('type_decimal', 'greenhouse_v3')()) }}{% endmacro %}
{% macro default__type_decimal() %}{{ return('double precision') }}{% endmacro %}
{% macro bigquery__type_decimal() %}{{ return('float64') }}{% endmacro %}


{# The warehouse's type for a kind of column in the schemas. #}
{% macro type_of(kind) %}
  {% set types = {
      'integer': dbt.type_bigint(), 'number': greenhouse_v3.type_decimal(), 'text': dbt.type_string(),
      'boolean': dbt.type_boolean(), 'time': greenhouse_v3.type_time(), 'date': 'date',
      'json': greenhouse_v3.type_json(),
  } %}
  {{ return(types[kind]) }}
{% endmacro %}


{% macro null_of(kind) %}
  {{ return('cast(null as ' ~ greenhouse_v3.type_of(kind) ~ ')') }}
{% endmacro %}


{# Counts are integers and never null. #}
{% macro count_of(expression) %}
  {{ return('cast(coalesce(' ~ expression ~ ', 0) as ' ~ dbt.type_bigint() ~ ')') }}
{% endmacro %}


{# A quotient of two counts: null if the denominator is 0. #}
{% macro rate(numerator, denominator) %}
  {{ return('cast(' ~ numerator ~ ' as ' ~ greenhouse_v3.type_decimal() ~ ') / nullif(' ~ denominator ~ ', 0)') }}
{% endmacro %}


{% macro average(expression) %}
  {{ return('cast(avg(' ~ expression ~ ') as ' ~ greenhouse_v3.type_decimal() ~ ')') }}
{% endmacro %}
