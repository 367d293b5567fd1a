{#
  PostgreSQL plans badly with tables that were never analyzed, such as those that were loaded or made a
  moment ago: its plans for the marts then take minutes in place of seconds.
#}
{% macro analyze_new_tables() %}{{ return(adapter.dispatch('analyze_new_tables', 'greenhouse_v3')()) }}{% endmacro %}
{% macro default__analyze_new_tables() %}{{ return('') }}{% endmacro %}
{% macro postgres__analyze_new_tables() %}
  {% if not execute or flags.WHICH not in ('run', 'build') or not var('greenhouse_introspect', true) %}
    {{ return('') }}
  {% endif %}
  {% set wanted, sql = [], [] %}
  {% for account in greenhouse_v3.accounts() %}
    {% for stream in greenhouse_v3.streams() %}
      {% do wanted.append("('" ~ account.schema ~ "', '" ~ account.prefix ~ stream ~ "')") %}
    {% endfor %}
  {% endfor %}
  {% set query %}
    select schemaname, relname
    from pg_stat_user_tables
    where last_analyze is null and last_autoanalyze is null and (schemaname, relname) in ({{ wanted | join(', ') }})
  {% endset %}
  {% for row in run_query(query) %}
    {% do sql.append('analyze ' ~ adapter.quote(row[0]) ~ '.' ~ adapter.quote(row[1])) %}
  {% endfor %}
  {{ return(sql | join(';\n')) }}
{% endmacro %}


{% macro analyze_mart() %}{{ return(adapter.dispatch('analyze_mart', 'greenhouse_v3')()) }}{% endmacro %}
{% macro default__analyze_mart() %}{{ return('') }}{% endmacro %}
{% macro postgres__analyze_mart() %}{{ return('analyze ' ~ this) }}{% endmacro %}
