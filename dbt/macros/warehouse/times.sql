{# Staged times are in UTC and have no zone. Nothing here depends on the session's zone. #}

{# The date of a time in the reporting zone. #}
{% macro local_date(time) %}
  {{ return(adapter.dispatch('local_date', 'greenhouse_v3')(time, var('greenhouse_timezone', 'UTC'))) }}
{% endmacro %}

{% macro default__local_date(time, zone) %}
  {% if zone == 'UTC' %}{{ return('cast(' ~ time ~ ' as date)') }}{% endif %}
  {{ return("cast(((" ~ time ~ ") at time zone 'UTC') at time zone '" ~ zone ~ "' as date)") }}
{% endmacro %}

{% macro snowflake__local_date(time, zone) %}
  {{ return("cast(convert_timezone('UTC', '" ~ zone ~ "', " ~ time ~ ") as date)") }}
{% endmacro %}

{% macro bigquery__local_date(time, zone) %}
  {{ return("date(timestamp(" ~ time ~ ", 'UTC'), '" ~ zone ~ "')") }}
{% endmacro %}


{# Days from one date to another. #}
{% macro date_difference(first, last) %}{{ return(adapter.dispatch('date_difference', 'greenhouse_v3')(first, last)) }}{% endmacro %}
{% macro default__date_difference(first, last) %}{{ return('cast((' ~ last ~ ') - (' ~ first ~ ') as integer)') }}{% endmacro %}
{% macro snowflake__date_difference(first, last) %}{{ return('datediff(day, ' ~ first ~ ', ' ~ last ~ ')') }}{% endmacro %}
{% macro bigquery__date_difference(first, last) %}{{ return('date_diff(' ~ last ~ ', ' ~ first ~ ', day)') }}{% endmacro %}


{# Days from one date to another, null if the last lies before the first. #}
{% macro days_between(first, last) %}
  {{ return('case when ' ~ last ~ ' >= ' ~ first ~ ' then ' ~ greenhouse_v3.date_difference(first, last) ~ ' end') }}
{% endmacro %}


{# Days between the local dates of two times. #}
{% macro days_from_to(first, last) %}
  {{ return(greenhouse_v3.days_between(greenhouse_v3.local_date(first), greenhouse_v3.local_date(last))) }}
{% endmacro %}


{# Seconds from one time to another, with their fractions. #}
{% macro seconds(first, last) %}{{ return(adapter.dispatch('seconds', 'greenhouse_v3')(first, last)) }}{% endmacro %}
{% macro default__seconds(first, last) %}
  {{ return('cast(extract(epoch from ((' ~ last ~ ') - (' ~ first ~ '))) as double precision)') }}
{% endmacro %}
{% macro snowflake__seconds(first, last) %}{{ return('(datediff(microsecond, ' ~ first ~ ', ' ~ last ~ ') / 1000000.0)') }}{% endmacro %}
{% macro bigquery__seconds(first, last) %}{{ return('(datetime_diff(' ~ last ~ ', ' ~ first ~ ', microsecond) / 1000000.0)') }}{% endmacro %}


{# The first day of a date's month or year, and the Monday of its week. #}
{% macro month_of(date) %}{{ return('cast(' ~ dbt.date_trunc('month', date) ~ ' as date)') }}{% endmacro %}

{% macro monday_of(date) %}{{ return(adapter.dispatch('monday_of', 'greenhouse_v3')(date)) }}{% endmacro %}
{% macro default__monday_of(date) %}{{ return("cast(date_trunc('week', " ~ date ~ ") as date)") }}{% endmacro %}
{% macro snowflake__monday_of(date) %}{{ return('dateadd(day, 1 - dayofweekiso(' ~ date ~ '), ' ~ date ~ ')') }}{% endmacro %}
{% macro bigquery__monday_of(date) %}{{ return('date_trunc(' ~ date ~ ', isoweek)') }}{% endmacro %}


{# A date some months or days later. #}
{% macro add_to_date(date, count, part) %}{{ return('cast(' ~ adapter.dispatch('add_to_date', 'greenhouse_v3')(date, count, part) ~ ' as date)') }}{% endmacro %}
{% macro default__add_to_date(date, count, part) %}
  {{ return("(" ~ date ~ ") + (" ~ count ~ ") * interval '1 " ~ part ~ "'") }}
{% endmacro %}
{% macro snowflake__add_to_date(date, count, part) %}{{ return('dateadd(' ~ part ~ ', ' ~ count ~ ', ' ~ date ~ ')') }}{% endmacro %}
{% macro bigquery__add_to_date(date, count, part) %}{{ return('date_add(' ~ date ~ ', interval (' ~ count ~ ') ' ~ part ~ ')') }}{% endmacro %}
