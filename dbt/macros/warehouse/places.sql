{#-
  Whether a row is the first of its window, by its row_number(). PostgreSQL takes `= 1` of a window
  for one row in two hundred, and then joins by loops over all rows; `<= 1` says the same.
-#}
{% macro is_first(place) %}{{ place }} <= 1{% endmacro %}
