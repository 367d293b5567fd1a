{# The accounts: dictionaries of name, database, schema and prefix. #}
{% macro accounts() %}
  {% set default_schema = var('greenhouse_schema', 'greenhouse') %}
  {% set default_database = var('greenhouse_database', none) or target.database %}
  {% set accounts = [] %}
  {% for source in var('greenhouse_sources', none) or [{}] %}
    {% set schema = source.get('schema') or default_schema %}
    {% do accounts.append({
        'name': source.get('name') or schema,
        'database': source.get('database') or default_database,
        'schema': schema,
        'prefix': source.get('prefix') or '',
    }) %}
  {% endfor %}
  {{ return(accounts) }}
{% endmacro %}


{# Now, as a time in UTC. #}
{% macro as_of() %}
  {% set now = var('greenhouse_as_of', none) or run_started_at.strftime('%Y-%m-%d %H:%M:%S') %}
  {{ return("cast('" ~ now ~ "' as " ~ greenhouse_v3.type_time() ~ ")") }}
{% endmacro %}


{# Today in the reporting zone. #}
{% macro today() %}
  {{ return(greenhouse_v3.local_date(greenhouse_v3.as_of())) }}
{% endmacro %}


{# A text that belongs to a group of personal columns: null if the group is turned off. #}
{% macro personal(group, expression) %}
  {% set groups = {
      'candidates': true, 'employees': true, 'free_text': true, 'assessments': true,
      'demographics': false, 'links': false,
  } %}
  {% for name, shown in (var('greenhouse_personal_columns', none) or {}).items() %}
    {% if name not in groups %}
      {{ exceptions.raise_compiler_error("greenhouse_personal_columns has the unknown group '" ~ name ~ "': use " ~ groups | join(', ')) }}
    {% endif %}
    {% do groups.update({name: shown}) %}
  {% endfor %}
  {{ return(expression if groups[group] else greenhouse_v3.null_of('text')) }}
{% endmacro %}


{# The name_keys of custom fields that a mart shows. #}
{% macro custom_fields(stream) %}
  {{ return((var('greenhouse_custom_fields', none) or {}).get(stream) or []) }}
{% endmacro %}
