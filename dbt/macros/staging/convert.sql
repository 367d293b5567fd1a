{#
  How columns of loaders become columns of one type. A column has its SQL and its type; the type is
  none where nothing may be looked up. A value that cannot be converted becomes null, such as the
  hash of a number.
#}
{% macro converted(column, kind) %}
  {{ return(adapter.dispatch('converted', 'greenhouse_v3')(column.sql, column.type or '', kind)) }}
{% endmacro %}

{% macro is_text_type(type) %}
  {{ return('char' in type or type.startswith('text') or type.startswith('string')) }}
{% endmacro %}

{% macro has_zone(type) %}
  {{ return('with time zone' in type or type.startswith('timestamptz')) }}
{% endmacro %}


{% macro default__converted(sql, type, kind) %}
  {% set is_text = greenhouse_v3.is_text_type(type) %}
  {% if kind == 'json' %}
    {% if is_text %}
      {{ return('case when json_valid(' ~ sql ~ ') then cast(' ~ sql ~ ' as json) end') }}
    {% elif type == 'json' or not type %}
      {{ return(sql) }}
    {% endif %}
    {{ return('to_json(' ~ sql ~ ')') }}
  {% elif type == 'json' %}
    {% set sql = greenhouse_v3.json_value(sql) %}
  {% elif greenhouse_v3.has_zone(type) and kind in ('time', 'date') %}
    {% set sql = '(' ~ sql ~ " at time zone 'UTC')" %}
  {% elif not type and kind in ('time', 'date') %}
    {# A time as text has its zone, if it has one. #}
    {% set sql = 'cast(cast(' ~ sql ~ ' as varchar) as timestamp)' %}
  {% endif %}
  {{ return('try_cast(' ~ sql ~ ' as ' ~ greenhouse_v3.type_of(kind) ~ ')') }}
{% endmacro %}


{% macro postgres__converted(sql, type, kind) %}
  {% if kind == 'json' %}
    {% if greenhouse_v3.is_text_type(type) %}
      {{ return("case when " ~ sql ~ " ~ '^\\s*[\\[{]' then cast(" ~ sql ~ " as jsonb) end") }}
    {% endif %}
    {{ return('to_jsonb(' ~ sql ~ ')') }}
  {% endif %}
  {% set is_text = greenhouse_v3.is_text_type(type) %}
  {% if type in ('', 'json', 'jsonb') %}
    {# As JSON, a time is a text that has its zone, if it has one. #}
    {% set sql = '(to_jsonb(' ~ sql ~ ") #>> '{}')" %}
    {% set is_text = true %}
  {% endif %}
  {% if is_text %}
    {% set zone = "(z|[+-]\\d\\d(:?\\d\\d)?)$" %}
    {% set patterns = {
        'integer': '^-?\\d+$', 'number': '^-?\\d+(\\.\\d*)?(e[+-]?\\d+)?$', 'boolean': '^(true|false|t|f|0|1)$',
        'time': '^\\d{4}-\\d\\d-\\d\\d', 'date': '^\\d{4}-\\d\\d-\\d\\d',
    } %}
    {% set value = {
        'time': "(cast(" ~ sql ~ " || case when " ~ sql ~ " ~* ':\\d\\d(\\.\\d+)?\\s*" ~ zone ~ "' then '' else 'Z' end as timestamptz) at time zone 'UTC')",
        'date': "cast(left(" ~ sql ~ ", 10) as date)",
    }.get(kind, 'cast(' ~ sql ~ ' as ' ~ greenhouse_v3.type_of(kind) ~ ')') %}
    {% if kind in patterns %}
      {{ return("case when " ~ sql ~ " ~* '" ~ patterns[kind] ~ "' then " ~ value ~ " end") }}
    {% endif %}
    {{ return(value) }}
  {% elif greenhouse_v3.has_zone(type) and kind in ('time', 'date') %}
    {% set sql = '(' ~ sql ~ " at time zone 'UTC')" %}
  {% endif %}
  {{ return('cast(' ~ sql ~ ' as ' ~ greenhouse_v3.type_of(kind) ~ ')') }}
{% endmacro %}


{% macro snowflake__converted(sql, type, kind) %}
  {% set is_text = greenhouse_v3.is_text_type(type) %}
  {% if kind == 'json' %}
    {{ return('try_parse_json(' ~ sql ~ ')' if is_text else 'to_variant(' ~ sql ~ ')') }}
  {% elif type == 'variant' %}
    {% set sql, is_text = 'cast(' ~ sql ~ ' as varchar)', true %}
  {% endif %}
  {% if kind == 'time' and (is_text or not type or 'tz' in type) %}
    {% set zoned = 'try_to_timestamp_tz(' ~ sql ~ ')' if is_text else 'cast(' ~ sql ~ ' as timestamp_tz)' %}
    {{ return("cast(convert_timezone('UTC', " ~ zoned ~ ") as timestamp_ntz)") }}
  {% elif is_text and kind != 'text' %}
    {{ return('try_cast(' ~ sql ~ ' as ' ~ greenhouse_v3.type_of(kind) ~ ')') }}
  {% endif %}
  {{ return('cast(' ~ sql ~ ' as ' ~ greenhouse_v3.type_of(kind) ~ ')') }}
{% endmacro %}


{% macro bigquery__converted(sql, type, kind) %}
  {% if kind == 'json' %}
    {% if greenhouse_v3.is_text_type(type) %}
      {{ return("safe.parse_json(" ~ sql ~ ")") }}
    {% elif type == 'json' or not type %}
      {{ return(sql) }}
    {% endif %}
    {{ return('to_json(' ~ sql ~ ')') }}
  {% elif kind == 'time' and type != 'datetime' %}
    {{ return("datetime(safe_cast(" ~ sql ~ " as timestamp), 'UTC')") }}
  {% elif type == 'json' %}
    {% set sql = greenhouse_v3.json_value(sql) %}
  {% endif %}
  {{ return('safe_cast(' ~ sql ~ ' as ' ~ greenhouse_v3.type_of(kind) ~ ')') }}
{% endmacro %}


{# A value of any type as text: texts as they are, numbers as written, lists and objects as JSON. #}
{% macro written(column) %}
  {{ return(adapter.dispatch('written', 'greenhouse_v3')(column.sql, column.type or '')) }}
{% endmacro %}

{# A number's text without the zeros at its end that a column of decimals adds. #}
{% macro without_zeros(text) %}
  {{ return("regexp_replace(" ~ text ~ ", '(\\.\\d*[1-9])0+$|\\.0+$', '\\1')") }}
{% endmacro %}

{% macro default__written(sql, type) %}
  {% if '[' in type or type.startswith('struct') or type.startswith('map') %}
    {{ return('cast(to_json(' ~ sql ~ ') as varchar)') }}
  {% elif type == 'json' %}
    {{ return(greenhouse_v3.json_value(sql)) }}
  {% elif type in ('double', 'float') or type.startswith('decimal') %}
    {{ return(greenhouse_v3.without_zeros('cast(' ~ sql ~ ' as varchar)')) }}
  {% endif %}
  {{ return('cast(' ~ sql ~ ' as varchar)') }}
{% endmacro %}

{% macro postgres__written(sql, type) %}
  {% if type == 'array' or type.endswith(']') or type in ('json', 'jsonb') %}
    {{ return('(to_jsonb(' ~ sql ~ ") #>> '{}')") }}
  {% elif type.startswith('numeric(') %}
    {{ return(greenhouse_v3.without_zeros('cast(' ~ sql ~ ' as text)')) }}
  {% endif %}
  {{ return('cast(' ~ sql ~ ' as text)') }}
{% endmacro %}

{% macro snowflake__written(sql, type) %}
  {% if type.startswith('number(') and not type.endswith(',0)') %}
    {{ return("rtrim(rtrim(cast(" ~ sql ~ " as varchar), '0'), '.')") }}
  {% endif %}
  {{ return('cast(' ~ sql ~ ' as varchar)') }}
{% endmacro %}

{% macro bigquery__written(sql, type) %}
  {% if type.startswith('array') or type.startswith('repeated') or type.startswith('record') %}
    {{ return('to_json_string(' ~ sql ~ ')') }}
  {% elif type == 'json' %}
    {{ return(greenhouse_v3.json_value(sql)) }}
  {% endif %}
  {{ return('cast(' ~ sql ~ ' as string)') }}
{% endmacro %}
