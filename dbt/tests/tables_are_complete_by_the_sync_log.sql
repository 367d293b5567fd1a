-- The tap proves a stream complete up to a time, with the number of its rows and the sum of their ids.
-- The tables must hold the same rows, without those created since. Only streams whose newest run is
-- proven are compared, because a later run may have deleted rows.
{{ config(enabled=var('greenhouse_sync_log', false)) }}
with runs as (
    select
        *,
        row_number() over (partition by source_relation, stream order by ended_at desc nulls last, id desc) as place
    from {{ ref('greenhouse_v3', 'stg_greenhouse__sync_log') }}
),

proven as (
    select source_relation, stream, verified_until, verified_rows, verified_id_sum
    from runs
    where place = 1 and verified_until is not null and verified_rows is not null
),

loaded as (
    {% for stream in greenhouse_v3.schema_of() if stream != 'sync_log' %}
    select
        proven.source_relation,
        proven.stream,
        count(loaded.id) as count_rows,
        coalesce(cast(sum(loaded.id) as {{ dbt.type_string() }}), '0') as id_sum
    from proven
    left join (
        {{ greenhouse_v3.stage(stream) | indent(8) }}
    ) as loaded
        on loaded.source_relation = proven.source_relation
        and (loaded.created_at is null or loaded.created_at <= proven.verified_until)
    where proven.stream = '{{ stream }}'
    group by proven.source_relation, proven.stream
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    proven.source_relation,
    proven.stream,
    proven.verified_until,
    proven.verified_rows,
    loaded.count_rows,
    proven.verified_id_sum,
    loaded.id_sum
from proven
inner join loaded on loaded.source_relation = proven.source_relation and loaded.stream = proven.stream
where loaded.count_rows <> proven.verified_rows
    or loaded.id_sum <> coalesce(proven.verified_id_sum, loaded.id_sum)
