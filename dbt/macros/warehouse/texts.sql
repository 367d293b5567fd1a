{# First and last name with a space between, whichever exist. #}
{% macro full_name(first, last) %}
  {% set first, last = "nullif(" ~ first ~ ", '')", "nullif(" ~ last ~ ", '')" %}
  {{ return("coalesce(" ~ first ~ " || ' ' || " ~ last ~ ", " ~ first ~ ", " ~ last ~ ")") }}
{% endmacro %}


{# A text that orders by its bytes, whatever the database's collation is. #}
{% macro by_bytes(text) %}{{ return(adapter.dispatch('by_bytes', 'greenhouse_v3')(text)) }}{% endmacro %}
{% macro default__by_bytes(text) %}{{ return(text) }}{% endmacro %}
{% macro postgres__by_bytes(text) %}{{ return('(' ~ text ~ ') collate "C"') }}{% endmacro %}


{# An aggregate: the distinct values that are not null or empty, sorted and joined. #}
{% macro list_of(text, separator=', ') %}
  {{ return(adapter.dispatch('list_of', 'greenhouse_v3')("nullif(" ~ text ~ ", '')", separator)) }}
{% endmacro %}
{% macro default__list_of(text, separator) %}
  {% set text = greenhouse_v3.by_bytes(text) %}
  {{ return("string_agg(distinct " ~ text ~ ", '" ~ separator ~ "' order by " ~ text ~ ")") }}
{% endmacro %}
{% macro snowflake__list_of(text, separator) %}
  {{ return("nullif(listagg(distinct " ~ text ~ ", '" ~ separator ~ "') within group (order by " ~ text ~ "), '')") }}
{% endmacro %}


{# An aggregate: the values that are not null, in the order of a number. #}
{% macro joined(text, order) %}{{ return(adapter.dispatch('joined', 'greenhouse_v3')(text, order)) }}{% endmacro %}
{% macro default__joined(text, order) %}{{ return("string_agg(" ~ text ~ ", ', ' order by " ~ order ~ ")") }}{% endmacro %}
{% macro snowflake__joined(text, order) %}
  {{ return("nullif(listagg(" ~ text ~ ", ', ') within group (order by " ~ order ~ "), '')") }}
{% endmacro %}


{# An aggregate: whether any value is true. #}
{% macro any_of(condition) %}{{ return('coalesce(max(case when ' ~ condition ~ ' then 1 else 0 end), 0) = 1') }}{% endmacro %}


{# A text key of a row, from its parts: none of them is null but where it says so. #}
{% macro key_of(parts) %}
  {% set texts = [] %}
  {% for part in parts %}
    {% do texts.append("coalesce(cast(" ~ part ~ " as " ~ dbt.type_string() ~ "), 'none')") %}
  {% endfor %}
  {{ return(texts | join(" || '-' || ")) }}
{% endmacro %}


{# An aggregate: the middle value, or the mean of the two in the middle. #}
{% macro median_of(number) %}{{ return(adapter.dispatch('median_of', 'greenhouse_v3')(number)) }}{% endmacro %}
{% macro default__median_of(number) %}{{ return('median(' ~ number ~ ')') }}{% endmacro %}
{% macro postgres__median_of(number) %}{{ return('percentile_cont(0.5) within group (order by ' ~ number ~ ')') }}{% endmacro %}
{% macro bigquery__median_of(number) %}
  {% set all = 'array_agg(' ~ number ~ ' ignore nulls order by ' ~ number ~ ')' %}
  {{ return('(' ~ all ~ '[safe_offset(div(count(' ~ number ~ ') - 1, 2))] + ' ~ all ~ '[safe_offset(div(count(' ~ number ~ '), 2))]) / 2') }}
{% endmacro %}
