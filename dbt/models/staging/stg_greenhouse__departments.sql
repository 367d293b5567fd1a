{{ greenhouse_v3.stage('departments') }}
