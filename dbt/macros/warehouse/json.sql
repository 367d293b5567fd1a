{# A member of a staged object as text; null if the value is not an object. #}
{% macro json_text(json, path) %}{{ return(adapter.dispatch('json_text', 'greenhouse_v3')(json, path)) }}{% endmacro %}

{% macro default__json_text(json, path) %}
  {{ return("json_extract_string(" ~ json ~ ", '$.\"" ~ path | join('"."') ~ "\"')") }}
{% endmacro %}

{% macro postgres__json_text(json, path) %}
  {{ return("(" ~ json ~ " #>> '{" ~ path | join(',') ~ "}')") }}
{% endmacro %}

{% macro snowflake__json_text(json, path) %}
  {{ return("cast(get_path(" ~ json ~ ", '\"" ~ path | join('"."') ~ "\"') as varchar)") }}
{% endmacro %}

{% macro bigquery__json_text(json, path) %}
  {% set at = "'$.\"" ~ path | join('"."') ~ "\"'" %}
  {{ return("coalesce(json_value(" ~ json ~ ", " ~ at ~ "), nullif(to_json_string(json_query(" ~ json ~ ", " ~ at ~ ")), 'null'))") }}
{% endmacro %}


{# A whole staged value as text. #}
{% macro json_value(json) %}{{ return(adapter.dispatch('json_value', 'greenhouse_v3')(json)) }}{% endmacro %}
{% macro default__json_value(json) %}{{ return("json_extract_string(" ~ json ~ ", '$')") }}{% endmacro %}
{% macro postgres__json_value(json) %}{{ return("(" ~ json ~ " #>> '{}')") }}{% endmacro %}
{% macro snowflake__json_value(json) %}{{ return("cast(" ~ json ~ " as varchar)") }}{% endmacro %}
{% macro bigquery__json_value(json) %}{{ return("coalesce(json_value(" ~ json ~ "), nullif(to_json_string(" ~ json ~ "), 'null'))") }}{% endmacro %}


{# A query for the elements of a staged array: source_relation, id, position and element. #}
{% macro elements(relation, array) %}{{ return(adapter.dispatch('elements', 'greenhouse_v3')(relation, array)) }}{% endmacro %}

{% macro default__elements(relation, array) %}
select
    source_relation,
    id,
    generate_subscripts(json_extract({{ array }}, '$[*]'), 1) as position,
    unnest(json_extract({{ array }}, '$[*]')) as element
from {{ relation }}
where {{ array }} is not null
{% endmacro %}

{% macro postgres__elements(relation, array) %}
select parents.source_relation, parents.id, items.position, items.element
from {{ relation }} as parents
cross join lateral jsonb_array_elements(
    case when jsonb_typeof(parents.{{ array }}) = 'array' then parents.{{ array }} end
) with ordinality as items (element, position)
{% endmacro %}

{% macro snowflake__elements(relation, array) %}
select parents.source_relation, parents.id, items.index as position, items.value as element
from {{ relation }} as parents, lateral flatten(input => parents.{{ array }}) as items
{% endmacro %}

{% macro bigquery__elements(relation, array) %}
select parents.source_relation, parents.id, position, element
from {{ relation }} as parents
cross join unnest(json_query_array(parents.{{ array }})) as element with offset as position
{% endmacro %}
