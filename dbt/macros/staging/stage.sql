{#
  The rows of a stream in one shape, whatever loader wrote them: all columns of its schema with their
  types, times in UTC, without deleted rows and superseded versions, from all accounts.
#}
{% macro stage(stream, schema=none) %}
  {% if schema is none %}
    {% do source('greenhouse', stream) %}
    {% set schema = greenhouse_v3.schema_of(stream) %}
  {% endif %}
  {% set fields = greenhouse_v3.custom_fields(stream) if 'custom_fields' in schema else [] %}
  {% set parts = [] %}
  {% for account in greenhouse_v3.accounts() %}
    {% set table = greenhouse_v3.table_of(account, stream) %}
    {% if table %}
      {% do parts.append(greenhouse_v3.stage_table(account, table, schema, fields)) %}
    {% endif %}
  {% endfor %}
  {% if not parts %}
    {% do parts.append(greenhouse_v3.stage_nothing(schema, fields)) %}
  {% endif %}
  {{ return(parts | join('\nunion all\n')) }}
{% endmacro %}


{#
  A table as it is: its relation, and its columns by their names in lower case, with their types in
  lower case. The type is none where nothing may be looked up. None if there is no such table.
#}
{% macro table_of(account, stream) %}
  {% if stream in (var('greenhouse_disabled_streams', none) or []) %}
    {{ return(none) }}
  {% endif %}
  {% set name = account.prefix ~ stream %}
  {% if not execute or not var('greenhouse_introspect', true) %}
    {% set relation = api.Relation.create(database=account.database, schema=account.schema, identifier=name) %}
    {{ return({'relation': relation, 'columns': none}) }}
  {% endif %}
  {% set relation = greenhouse_v3.find_relation(account.database, account.schema, name) %}
  {% if relation is none %}
    {{ return(none) }}
  {% endif %}
  {% set columns = {} %}
  {% for column in adapter.get_columns_in_relation(relation) %}
    {% set type = column.data_type if column.is_numeric() else column.dtype %}
    {% do columns.update({column.name | lower: {'name': column.name, 'type': type | lower}}) %}
  {% endfor %}
  {{ return({'relation': relation, 'columns': columns}) }}
{% endmacro %}


{% macro find_relation(database, schema, name) %}
  {{ return(adapter.dispatch('find_relation', 'greenhouse_v3')(database, schema, name)) }}
{% endmacro %}
{% macro default__find_relation(database, schema, name) %}
  {{ return(adapter.get_relation(database=database, schema=schema, identifier=name)) }}
{% endmacro %}
{% macro snowflake__find_relation(database, schema, name) %}
  {% set found = adapter.get_relation(database=database, schema=schema, identifier=name | upper) %}
  {{ return(found or adapter.get_relation(database=database, schema=schema, identifier=name)) }}
{% endmacro %}


{# Columns that a loader adds. Where nothing may be looked up, they are taken from its name. #}
{% macro loader_columns(wanted) %}
  {% set loader = var('greenhouse_loader', 'auto') %}
  {% set marks = {'singer': ['_sdc_deleted_at'], 'airbyte': ['_ab_cdc_deleted_at']} %}
  {% set times = {
      'singer': ['_sdc_batched_at', '_sdc_received_at', '_sdc_extracted_at'],
      'airbyte': ['_airbyte_extracted_at'],
  } %}
  {% set known = marks if wanted == 'marks' else times %}
  {% if loader == 'auto' %}
    {{ return(known.singer + (known.airbyte if var('greenhouse_introspect', true) else [])) }}
  {% elif loader not in known %}
    {{ exceptions.raise_compiler_error("greenhouse_loader is '" ~ loader ~ "': use auto, singer or airbyte") }}
  {% endif %}
  {{ return(known[loader]) }}
{% endmacro %}


{# A column of a table, quoted as it is called there; none if the table lacks it. #}
{% macro column_of(table, name) %}
  {% if table.columns is none %}
    {{ return({'sql': greenhouse_v3.quoted(name), 'type': none}) }}
  {% elif name in table.columns %}
    {{ return({'sql': adapter.quote(table.columns[name].name), 'type': table.columns[name].type}) }}
  {% endif %}
  {{ return(none) }}
{% endmacro %}


{# A name in quotes, because some are reserved words; Snowflake's loaders write upper case. #}
{% macro quoted(name) %}{{ return(adapter.dispatch('quoted', 'greenhouse_v3')(name)) }}{% endmacro %}
{% macro default__quoted(name) %}{{ return(adapter.quote(name)) }}{% endmacro %}
{% macro snowflake__quoted(name) %}{{ return(adapter.quote(name | upper)) }}{% endmacro %}


{% macro stage_table(account, table, schema, fields) %}
  {% set marks, times = [], [] %}
  {% for name in greenhouse_v3.loader_columns('marks') %}
    {% set column = greenhouse_v3.column_of(table, name) %}
    {% if column %}{% do marks.append(column.sql) %}{% endif %}
  {% endfor %}
  {% for name in greenhouse_v3.loader_columns('times') %}
    {% set column = greenhouse_v3.column_of(table, name) %}
    {% if column %}{% do times.append(greenhouse_v3.converted(column, 'time')) %}{% endif %}
  {% endfor %}
  {% set updated_at = greenhouse_v3.column_of(table, 'updated_at') %}
  {% if updated_at %}{% set updated_at = greenhouse_v3.converted(updated_at, 'time') %}{% endif %}
  {% set append_only = var('greenhouse_append_only', false) %}
  {% set rows = 'versions' if append_only else table.relation %}
  {% set conditions = ['version_number = 1'] if append_only else [] %}
  {% for mark in marks %}{% do conditions.append(mark ~ ' is null') %}{% endfor %}
  {% set sql %}
select
    cast('{{ account.name | replace("'", "''") }}' as {{ dbt.type_string() }}) as source_relation
    {%- for name, kind in schema.items() %},
    {%- set column = greenhouse_v3.column_of(table, name) %}
    {{ greenhouse_v3.converted(column, kind) if column else greenhouse_v3.null_of(kind) }} as {{ greenhouse_v3.quoted(name) }}
    {%- endfor %}
    {%- for field in fields %},
    {{ greenhouse_v3.custom_field(table, field) }} as {{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from {% if append_only -%}
(
    select
        *,
        row_number() over (
            partition by {{ greenhouse_v3.column_of(table, 'id').sql }}
            order by {% if times %}coalesce({{ (times + ['null']) | join(', ') }}) desc nulls last{% endif -%}
            {{ ', ' if times and updated_at }}{% if updated_at %}{{ updated_at }} desc nulls last{% endif -%}
            {{ '1' if not times and not updated_at }}
        ) as version_number
    from {{ table.relation }}
) as versions
{%- else %}{{ table.relation }}{% endif %}
{%- if conditions %}
where {{ conditions | join(' and ') }}
{%- endif %}
  {% endset %}
  {{ return(sql | trim) }}
{% endmacro %}


{# An empty relation with all columns, where no account has the table. #}
{% macro stage_nothing(schema, fields) %}
  {% set sql %}
select
    {{ greenhouse_v3.null_of('text') }} as source_relation
    {%- for name, kind in schema.items() %},
    {{ greenhouse_v3.null_of(kind) }} as {{ greenhouse_v3.quoted(name) }}
    {%- endfor %}
    {%- for field in fields %},
    {{ greenhouse_v3.null_of('text') }} as {{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from (select 1 as nothing) as nothing
where 1 = 0
  {% endset %}
  {{ return(sql | trim) }}
{% endmacro %}


{# A custom field as text: from a column of its own if there is one, else from the object of all. #}
{% macro custom_field(table, field) %}
  {% set own = greenhouse_v3.column_of(table, 'custom_' ~ field) if table.columns is not none %}
  {% if own %}
    {{ return(greenhouse_v3.written(own)) }}
  {% endif %}
  {% set all = greenhouse_v3.column_of(table, 'custom_fields') %}
  {% if all %}
    {{ return(greenhouse_v3.json_text(greenhouse_v3.converted(all, 'json'), [field, 'value'])) }}
  {% endif %}
  {{ return(greenhouse_v3.null_of('text')) }}
{% endmacro %}


{# Says once, at the start of a run, which tables are missing. #}
{% macro warn_of_missing_tables() %}
  {% if execute and var('greenhouse_introspect', true) and flags.WHICH in ('run', 'build', 'test', 'snapshot') %}
    {% set missing = [] %}
    {% for account in greenhouse_v3.accounts() %}
      {% for stream in greenhouse_v3.streams() if stream not in (var('greenhouse_disabled_streams', none) or []) %}
        {% if greenhouse_v3.find_relation(account.database, account.schema, account.prefix ~ stream) is none %}
          {% do missing.append(account.schema ~ '.' ~ account.prefix ~ stream) %}
        {% endif %}
      {% endfor %}
    {% endfor %}
    {% if missing %}
      {% do exceptions.warn('greenhouse_v3: these tables do not exist and are taken as empty: ' ~ missing | join(', ')
          ~ '. If their streams are not loaded, name them in greenhouse_disabled_streams.') %}
    {% endif %}
  {% endif %}
  {{ return('') }}
{% endmacro %}
