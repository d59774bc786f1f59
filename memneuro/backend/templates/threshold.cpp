{# USES_VARIABLES { N } #}
{% extends 'common_group.cpp' %}
{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set _eventspace = get_array_name(eventspace_variable) %}
    long _count = 0;
    for(size_t _first=0; _first<N; _first+=256)
    {
        const size_t _last = _first + 256 < N ? _first + 256 : N;
        {% if repeatable %}
        int _any = 0;
        for(size_t _idx=_first; _idx<_last; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _any |= (int)_cond;
        }
        if (!_any) continue;
        {% endif %}
        for(size_t _idx=_first; _idx<_last; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            if(_cond) {
                {{_eventspace}}[_count++] = _idx;
                {% if _uses_refractory %}
                {{not_refractory}}[_idx] = false;
                {{lastspike}}[_idx] = {{t}};
                {% endif %}
            }
        }
    }
    {{_eventspace}}[N] = _count;
{% endblock %}

{% block after_code %}
{% set _eventspace = get_array_name(eventspace_variable) %}
{{_eventspace}}[N] = 0; // the array has N+1 elements
{% endblock %}
